// Modules of npm's registry that the tests drive others with: installed when first asked for, once, also when several
// ask in the same moment.

import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

export const BROWSER = { "playwright-core": "1.48.2", "axe-core": "4.10.2" };

// Under a lock: $0 is the file that says what is there, $1 its line, the rest what npm is asked for. It is written last,
// so a folder half filled is none.
const BRING = `grep -qsxF "$1" "$0" && exit; line=$1; shift
  npm install --no-save --no-audit --no-fund --ignore-scripts --loglevel=error "$@" && echo "$line" >"$0"`;

// `require` for what stands in `folder`, with `packages` ({name: version}) in it. Throws when npm cannot bring them.
export const modules = (folder, packages) => {
  folder = resolve(folder);
  mkdirSync(folder, { recursive: true });
  const wanted = Object.entries(packages).map(([name, version]) => `${name}@${version}`);
  execFileSync("flock", [join(folder, ".lock"), "sh", "-c", BRING, join(folder, ".there"), wanted.join(" "), ...wanted],
    { cwd: folder, stdio: ["ignore", "ignore", "inherit"], timeout: 180_000 });
  return createRequire(join(folder, "package.json"));
};
