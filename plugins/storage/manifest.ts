import { z } from 'zod';
import { Manifest } from '../../daemon/api/shapes/snapshot.js';
import type { SmallFile } from '../contract/effects/small-file.js';
import { snapshotFile } from './layout.js';

export type ManifestReading =
  { readonly ok: true; readonly manifest: Manifest } | { readonly ok: false; readonly why: string };

const Version = z.object({ version: z.int() });

const refuse = (why: string): ManifestReading => ({ ok: false, why });

/** Reads the manifest of the folder `id`; says what is wrong with one that is torn, foreign or newer than this daemon. */
export function readManifest(id: string, file: SmallFile | null): ManifestReading {
  if (file === null) return refuse('it has no manifest.json');
  if (!file.ok) return refuse(`of its manifest.json: ${file.why}`);
  const json = parse(file.text);
  if (json === undefined) return refuse('its manifest.json is not whole');
  const version = Version.safeParse(json);
  if (version.success && version.data.version > 1) {
    return refuse(`its manifest has version ${version.data.version}, this thawd reads version 1`);
  }
  const parsed = Manifest.safeParse(json);
  if (!parsed.success) return refuse(`its manifest can't be used: ${problems(parsed.error)}`);
  const manifest = parsed.data;
  if (manifest.id !== id) return refuse(`its manifest is that of ${manifest.id}`);
  // The names become paths: none may lead out of the folder.
  const stray = manifest.files.find((file) => !snapshotFile.test(file.name));
  if (stray) return refuse(`its manifest names a file that no snapshot has: ${JSON.stringify(stray.name)}`);
  return { ok: true, manifest };
}

export function writeManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function problems(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
}
