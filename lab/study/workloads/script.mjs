import { runInNewContext } from "node:vm";

export const respond = ({ body }) => `${runInNewContext(body.toString())}\n`;
