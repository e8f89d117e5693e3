// Deletes all flows to an address or network, whatever it was called before translation: node delete-to.mjs ADDRESS[/LENGTH]
import { Conntrack, UsageError } from "conntrack";

const address = process.argv[2];
if (address === undefined) {
  console.error("usage: delete-to.mjs ADDRESS[/LENGTH]");
  process.exit(2);
}

const conntrack = await Conntrack.open();
try {
  let deleted = await conntrack.delete({ orig: { dst: address } });
  // What was translated to the address says so in its reply direction, which takes no network.
  if (!address.includes("/")) deleted += await conntrack.delete({ reply: { src: address } });
  console.log(`${deleted} deleted`);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
} finally {
  conntrack.close();
}
