/**
 * A host of a scene: a process in a network namespace of its own that opens sockets there as its parent asks over IPC, and ends
 * with it. Started by lab.ts.
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createConnection, createServer, type Socket as TcpSocket } from "node:net";

/** What a peer can be asked to do; each answers with a text. */
export interface PeerRequests {
  /** Serves TCP, sending back what comes. */
  tcpEcho: { host: string; port: number };
  /** Serves UDP, sending back what comes. */
  udpEcho: { host: string; port: number };
  /** A UDP socket that never answers. */
  udpSink: { host: string; port: number };
  /** The control side of an FTP server: PASV opens 3001 …, EPSV too, PORT is accepted. */
  ftp: { host: string; port: number };
  /** Opens a TCP connection, named `name`. */
  connect: { name: string; host: string; port: number; localPort: number };
  /** Sends on a connection and waits until what came since contains `answer`. */
  say: { name: string; text: string; answer: string };
  /** Closes a connection and waits until the other side has closed too. */
  hangUp: { name: string };
  /** Accepts one TCP connection. */
  accept: { host: string; port: number };
  /** Sends a datagram from `localPort`, and waits for the answer where `answer` is set. */
  datagram: { host: string; port: number; localPort: number; text: string; answer: boolean };
}

type Handlers = { [K in keyof PeerRequests]: (request: PeerRequests[K]) => Promise<string> };

const connections = new Map<string, TcpSocket>();

function listenTcp(host: string, port: number, serve: (socket: TcpSocket) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: false }, (socket) => {
      socket.on("error", () => socket.destroy());
      serve(socket);
    });
    server.on("error", reject);
    server.listen({ host, port, ipv6Only: host.includes(":") }, () => resolve("listening"));
  });
}

function bindUdp(
  host: string,
  port: number,
  got: (socket: UdpSocket, text: Buffer, from: { address: string; port: number }) => void,
) {
  return new Promise<string>((resolve, reject) => {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    socket.on("error", reject);
    socket.on("message", (text, from) => got(socket, text, from));
    socket.bind(port, host, () => resolve("bound"));
  });
}

function serveFtp(): (socket: TcpSocket) => void {
  let dataPort = 3000;
  return (socket) => {
    let pending = "";
    socket.write("220 ready\r\n");
    socket.setEncoding("latin1").on("data", (text) => {
      pending += text;
      for (let end = pending.indexOf("\n"); end >= 0; end = pending.indexOf("\n")) {
        const word = pending.slice(0, end).trim().toUpperCase().split(" ")[0];
        pending = pending.slice(end + 1);
        if (word === "PASV") {
          dataPort++;
          const host = socket.localAddress!.replace("::ffff:", "").replaceAll(".", ",");
          socket.write(`227 Entering Passive Mode (${host},${dataPort >> 8},${dataPort & 255}).\r\n`);
        } else if (word === "EPSV") {
          dataPort++;
          socket.write(`229 Entering Extended Passive Mode (|||${dataPort}|)\r\n`);
        } else {
          socket.write("200 fine\r\n");
        }
      }
    });
  };
}

const handlers: Handlers = {
  tcpEcho: ({ host, port }) => listenTcp(host, port, (socket) => socket.pipe(socket)),
  udpEcho: ({ host, port }) => bindUdp(host, port, (socket, text, from) => socket.send(text, from.port, from.address)),
  udpSink: ({ host, port }) => bindUdp(host, port, () => {}),
  ftp: ({ host, port }) => listenTcp(host, port, serveFtp()),
  connect: ({ name, host, port, localPort }) =>
    new Promise((resolve, reject) => {
      const socket = createConnection({ host, port, localPort });
      connections.set(name, socket);
      socket.on("error", reject);
      socket.on("connect", () => resolve("connected"));
    }),
  say: ({ name, text, answer }) =>
    new Promise((resolve, reject) => {
      const socket = connections.get(name)!;
      let heard = "";
      const hear = (data: string) => {
        heard += data;
        if (!heard.includes(answer)) return;
        socket.off("data", hear);
        resolve(heard);
      };
      socket.once("error", reject);
      socket.setEncoding("latin1").on("data", hear);
      socket.write(text);
    }),
  hangUp: ({ name }) =>
    new Promise((resolve) => {
      const socket = connections.get(name)!;
      socket.once("close", () => resolve("closed"));
      socket.end();
    }),
  accept: ({ host, port }) => listenTcp(host, port, () => {}),
  datagram: ({ host, port, localPort, text, answer }) =>
    new Promise((resolve, reject) => {
      const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
      const finish = (reply: string) => socket.close(() => resolve(reply));
      socket.on("error", reject);
      socket.on("message", (reply) => finish(reply.toString()));
      socket.bind(localPort, () => {
        socket.send(text, port, host, (error) => {
          if (error) reject(error);
          else if (!answer) finish("sent");
        });
      });
    }),
};

interface Call {
  id: number;
  kind: keyof PeerRequests;
  request: never;
}

process.on("message", async ({ id, kind, request }: Call) => {
  try {
    process.send!({ id, answer: await handlers[kind](request) });
  } catch (error) {
    process.send!({ id, error: String(error) });
  }
});
process.on("disconnect", () => process.exit());
process.send!({ id: 0, answer: "ready" });
