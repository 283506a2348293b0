/** Firecracker 1.17-dev. */
import { testConformance } from './conformance/conformance.js';

testConformance('1.17-dev');
