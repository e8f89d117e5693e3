/** A reporter for node:test that speaks to scripts/test.mjs: one JSON object a line, each behind a mark that no test prints. */
export const MARK = "\u001e";

/** node:test closes a run with its own figures as diagnostics; the runner counts for itself. */
const FIGURES = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

const line = (value) => `${MARK}${JSON.stringify(value)}\n`;

/** The error that the test threw, without the frames of node itself. */
function text(error) {
  const thrown = error?.cause ?? error;
  const shown = thrown?.stack ?? String(thrown?.message ?? thrown);
  return shown.replace(/\n +at .*\((node:|file:.*node_modules).*/g, "").replace(/\n +at node:.*/g, "");
}

// biome-ignore lint/style/noDefaultExport: node:test loads a reporter by its default export
export default async function* report(events) {
  const parents = [];
  for await (const { type, data } of events) {
    if (type === "test:start") {
      parents.length = data.nesting;
      parents.push(data.name);
    } else if (type === "test:diagnostic") {
      if (!FIGURES.test(data.message)) yield line({ kind: "note", text: data.message });
    } else if (type === "test:pass" || type === "test:fail") {
      parents.length = data.nesting;
      const name = [...parents, data.name].join(" › ");
      // A suite or a test around others fails with them: only what failed by itself counts and is shown.
      const onlyInside = type === "test:fail" && data.details.error?.failureType === "subtestsFailed";
      const isSkipped = data.skip !== undefined || data.todo !== undefined;
      // A hook that fails is a failure of its suite, and the only one that says why.
      const hookFailed = type === "test:fail" && data.details.error?.failureType === "hookFailed";
      // Of a suite that is skipped as a whole, no test is reported.
      if ((data.details.type === "suite" && !isSkipped && !hookFailed) || onlyInside) continue;
      if (isSkipped) {
        const why = typeof data.skip === "string" ? data.skip : typeof data.todo === "string" ? data.todo : "";
        yield line({ kind: "skip", name, why });
      } else if (type === "test:pass") {
        yield line({ kind: "pass", name });
      } else {
        yield line({ kind: "fail", name, text: text(data.details.error) });
      }
    }
  }
}
