// Writes client/methods.gen.ts: what the client needs of the contract at run time, without zod.
// Run from the project's root, after `tsc`: node dist/test/client/generate.js
import { writeFileSync } from 'node:fs';
import { generated, generatedPath } from './generated.js';

writeFileSync(generatedPath, generated());
