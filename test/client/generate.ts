// Writes what is made from the contract: what the client needs of it at run time, without zod, and the page of errors.
// Run from the project's root, after `tsc`: node dist/test/client/generate.js
import { writeFileSync } from 'node:fs';
import { generated } from './generated.js';

for (const [path, text] of Object.entries(await generated())) writeFileSync(path, text);
