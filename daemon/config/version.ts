/** The version of this thaw: that of package.json, which a test compares. */
export const version = '0.1.0';
