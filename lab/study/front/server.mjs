// server.mjs - a workload's own form in JavaScript, served by Node: a process per worker.
//   node server.mjs WORKLOAD.mjs ADDRESS PORT WORKERS
//   node server.mjs WORKLOAD.mjs               prints the answer to GET /
import cluster from "node:cluster";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const [workload, address, port, workers] = process.argv.slice(2);

async function serve() {
    const { respond } = await import(pathToFileURL(workload));
    createServer((request, response) => {
        const parts = [];
        request.on("data", (part) => parts.push(part));
        request.on("end", () => {
            const { method, url, headers } = request;
            const got = respond({ method, path: url.split("?")[0], route: headers["x-route"] ?? "", body: Buffer.concat(parts) });
            const { status = 200, body = got } = got;
            response.writeHead(status, { "Content-Type": "text/plain", "Content-Length": Buffer.byteLength(body) });
            response.end(body);
        });
    }).listen(Number(port), address);
}

if (!address) {
    const { respond } = await import(pathToFileURL(workload));
    process.stdout.write(respond({ method: "GET", path: "/", route: "", body: Buffer.alloc(0) }));
} else if (Number(workers) > 1 && cluster.isPrimary) {
    for (let i = 0; i < Number(workers); i++) cluster.fork();
} else {
    await serve();
}
