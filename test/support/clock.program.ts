// Loaded into a thawd before its own code (`--import`): sets its clock as root would set the host's, by as many
// milliseconds as the file named in TEST_CLOCK says.
import { readFileSync } from 'node:fs';

const real = Date.now;
const file = process.env['TEST_CLOCK'];
if (file !== undefined) Date.now = () => real() + Number(readFileSync(file, 'utf8'));
