import type { Reloader } from '../config/reloader.js';
import type { Orders } from '../restore/orders.js';
import type { Restorer } from '../restore/restorer.js';
import { token } from './lifetime.js';

/** Parts that ones opened before them find when they are called. */
export const later = {
  orders: token<Orders>('orders'),
  restorer: token<Restorer>('restorer'),
  reloader: token<Reloader>('reloader'),
};
