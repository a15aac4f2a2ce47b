import { readFileSync, writeFileSync } from "node:fs";

const file = `${process.env.STUDY_DATA ?? "/data"}/state`;

export function respond({ method, path, body }) {
    if (path === "/") return "hello\n";
    if (path !== "/state") return { status: 404, body: "not here\n" };
    if (method !== "PUT") return readFileSync(file);
    writeFileSync(file, body);
    return "kept\n";
}
