// Tiny random models of the architecture families against llama.cpp, over prompts that are longer than their windows.
import { testTinyModels } from './tiny.ts';

// As in tiny.test.ts.
const MAX_ERROR = 5e-5;
// llama.cpp looks GELU up in a table of half-precision floats, so what goes in and what comes out is off by up to 2^-11 of
// itself: by that it is up to 3.1e-3 from a float64 forward pass of these models, and pipit is within 1e-5 of that.
const MAX_ERROR_GELU = 4e-3;

testTinyModels('architectures.json', 'make-tiny-architectures.py', ({ name }) =>
  name.startsWith('gemma') ? MAX_ERROR_GELU : MAX_ERROR,
);
