// Tiny random models against llama.cpp: formats, shapes and RoPE variants that the real model lacks.
import { testTinyModels } from './tiny.ts';

// Logits have a standard deviation of 2, and llama.cpp's are within 1e-5 of a float64 forward pass. Products with float
// weights differ by the order of sums, those with quantised weights also by activations rounded to 16 bits.
const MAX_ERROR = 5e-5;
const MAX_ERROR_QUANTISED = 2e-3;

testTinyModels('tiny.json', 'make-tiny-models.py', ({ name }) =>
  /q\d|mixed/.test(name) ? MAX_ERROR_QUANTISED : MAX_ERROR,
);
