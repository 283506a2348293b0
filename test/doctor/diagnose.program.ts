// Diagnoses this host for the directory given, and prints what was found: a process, so that it can be deprived.
import { diagnose } from '../../daemon/doctor/index.js';

const [dir = ''] = process.argv.slice(2);
const found = await diagnose(
  { binary: process.execPath, version: '1.17.0', problem: null, runDir: dir, storeDir: dir, engines: [] },
  { signal: new AbortController().signal, probe: { effect: () => undefined } },
);
process.stdout.write(JSON.stringify(found));
