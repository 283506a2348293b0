/** Firecracker 1.16.1. */
import { testConformance } from './conformance/conformance.js';

testConformance('1.16.1');
