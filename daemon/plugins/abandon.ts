/** What `promise` gives, or the signal's reason as soon as it aborts; what then becomes of the promise is the caller's. */
export async function orAbandon<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const settled = new AbortController();
  try {
    return await new Promise<T>((resolve, reject) => {
      promise.then(resolve, reject);
      const abandon = (): void => reject(signal.reason as Error);
      if (signal.aborted) abandon();
      signal.addEventListener('abort', abandon, { once: true, signal: settled.signal });
    });
  } finally {
    settled.abort();
  }
}
