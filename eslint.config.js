// Lint rules: TypeScript with types; plain JavaScript (tools, benchmarks) without.

import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const globals = (names) => Object.fromEntries(names.map((name) => [name, 'readonly']));

// The tools run in Node, so what this Node has is what they may use.
const nodeGlobals = globals(Object.getOwnPropertyNames(globalThis));

// Tests in browsers hold functions that run in a page.
const pageGlobals = globals(
  'caches crossOriginIsolated document indexedDB location MouseEvent Navigator navigator requestAnimationFrame self window Worker'.split(
    ' ',
  ),
);

export default defineConfig(
  globalIgnores(['.toolchain/', 'build/', 'dist/', 'models/', '**/node_modules/']),
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx,mts}'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // An interface may ask for a promise where there is nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // A rejection that is handed on without `await` is for a moment nobody's, and its stack lacks the function.
      '@typescript-eslint/return-await': ['error', 'always'],
      // node:test returns promises that the runner itself waits for.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'it', 'describe', 'suite'], package: 'node:test' },
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: { globals: nodeGlobals },
  },
  {
    files: ['tests/{browser,package}/**', 'tools/screenshots.mjs', 'tools/lib/demo_page.mjs'],
    languageOptions: { globals: pageGlobals },
  },
  {
    rules: {
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_$' }],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'ExportDefaultDeclaration',
          message: 'No default exports: a name is the same everywhere.',
        },
      ],
      eqeqeq: 'error',
    },
  },
  {
    files: ['**/*.{ts,tsx,mts}'],
    rules: {
      'no-unused-vars': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_$' },
      ],
    },
  },
  // The library prints nothing; the command line writes to its streams itself.
  { files: ['web/src/**'], rules: { 'no-console': 'error' } },
  // eslint itself asks for a default export here.
  { files: ['eslint.config.js'], rules: { 'no-restricted-syntax': 'off' } },
);
