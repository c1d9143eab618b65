/** Names nobody can guess. */
import { randomBytes } from "node:crypto";

/** A new id: what it is the id of, and 24 random hexadecimal digits, as in `file-3f2a…`. */
export const newId = (prefix: string): string => `${prefix}${randomBytes(12).toString("hex")}`;
