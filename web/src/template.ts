// Jinja within bounds: a template comes from a file that anyone may have made, so it can neither run for ever, nor fill the
// memory, nor end the worker.
import { Environment, Interpreter, Template } from '@huggingface/jinja';

import { PipitError, messageOf } from './errors.ts';

// What is used of the library's interpreter: its declarations of these cannot be found from an ES module.
interface Value {
  type: string;
  value: unknown;
}
interface Node {
  type: string;
}
interface Program extends Node {
  body: Node[];
}
interface Scope {
  set: (name: string, value: unknown) => Value;
}
interface Base {
  readonly global: Scope;
  run(program: Program): Value;
  evaluate(node: Node | undefined, scope: Scope): Value;
}
const LibraryInterpreter = Interpreter as new (scope: Scope) => Base;
const LibraryScope = Environment as new () => Scope;

// A step is the evaluation of one expression or statement, one item of a loop, or 16 characters to work on. What a caller
// gives, say a long conversation, comes on top of the first two.
const MOST_STEPS = 1e6;
const MOST_TEXT = 2 ** 20;
const MOST_DEPTH = 256;
const MOST_SOURCE = 2 ** 18;
// The library's time grows with the square of it.
const MOST_SPACES = 1000;
// What is worked on times the longest argument: no join, replace or indent makes more characters before it is looked at.
const MOST_GROWTH = 1e8;

const ANOTHER = "Give another one with the option 'chatTemplate' (--template FILE).";

/** What `source` prints; `whatFor` says in errors what it was to make something of. */
export function renderTemplate(
  source: string,
  variables: Record<string, unknown>,
  whatFor: string,
): string {
  const program = parse(source);
  const interpreter = new BoundedInterpreter(variables);
  try {
    return String(interpreter.run(program).value);
  } catch (error) {
    if (error instanceof PipitError) throw error;
    // Also where the template itself calls raise_exception(), say because roles do not alternate.
    throw new PipitError(
      'invalid_argument',
      `The chat template cannot be rendered with ${whatFor}: ${messageOf(error)}, at ${interpreter.place()}. ` +
        `Change what it refuses, or give another template with the option 'chatTemplate' (--template FILE).`,
      error,
    );
  }
}

function parse(source: string): Program {
  const spaces = /\s{1001,}/.exec(source);
  if (source.length > MOST_SOURCE || spaces) {
    const found = spaces
      ? `${spaces[0].length} white-space characters in a row`
      : `${source.length} characters`;
    throw new PipitError(
      'limit_exceeded',
      `The chat template has ${found}, expected at most ${spaces ? MOST_SPACES : MOST_SOURCE}. ${ANOTHER}`,
    );
  }
  try {
    return new Template(source).parsed as Program;
  } catch (error) {
    throw new PipitError(
      'unsupported',
      `The chat template cannot be parsed: ${parseProblem(source, error)}. ${ANOTHER}`,
      error,
    );
  }
}

function parseProblem(source: string, error: unknown): string {
  if (error instanceof RangeError) return 'its expressions or blocks are nested too deeply';
  // Where there are no more tokens, the library looks into one all the same.
  const problem =
    error instanceof TypeError
      ? 'its end comes where a block, a bracket or a tag is still open'
      : messageOf(error);
  return `${problem}, line ${lineOf(source, messageOf(error))}`;
}

/** The line, from 1, where the library gives up, which does not say: the first lines that have the same error. */
function lineOf(source: string, message: string): number {
  const lines = source.split('\n');
  let first = 1;
  let last = lines.length;
  while (first < last) {
    const middle = (first + last) >> 1;
    if (parseError(lines.slice(0, middle).join('\n')) === message) last = middle;
    else first = middle + 1;
  }
  return first;
}

function parseError(source: string): string | undefined {
  try {
    new Template(source);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** A node that is being evaluated. */
interface Frame {
  node: Node;
  outer: Frame | undefined;
  depth: number;
  /** Of what a filter or a method is applied to, and the largest argument. */
  operand: number;
  argument: number;
}

class BoundedInterpreter extends LibraryInterpreter {
  readonly #most = { steps: MOST_STEPS, text: MOST_TEXT };
  #steps = 0;
  #frame: Frame | undefined;
  #error: unknown;
  #failed: Frame | undefined;
  /** The size of what a method belongs to. */
  readonly #methods = new WeakMap<Value, number>();

  constructor(variables: Record<string, unknown>) {
    super(new LibraryScope());
    for (const [name, value] of Object.entries(this.#globals())) this.global.set(name, value);
    for (const [name, value] of Object.entries(variables)) {
      const { characters } = sizeOf(this.global.set(name, value), Infinity);
      this.#most.steps += characters;
      this.#most.text += characters;
    }
  }

  override evaluate(node: Node | undefined, scope: Scope): Value {
    if (!node) return super.evaluate(node, scope);
    const outer = this.#frame;
    const frame = { node, outer, depth: (outer?.depth ?? 0) + 1, operand: 0, argument: 1 };
    this.#frame = frame;
    try {
      if (frame.depth > MOST_DEPTH) this.#refuse('nests deeper than', MOST_DEPTH, 'levels', frame);
      this.#spend(1);
      const value = super.evaluate(node, scope);
      // The filters first and last have no value for an empty list.
      if (value) this.#account(value, frame);
      return value;
    } catch (error) {
      if (error !== this.#error) this.#failed = frame;
      this.#error = error;
      throw error;
    } finally {
      this.#frame = outer;
    }
  }

  /** The innermost expression or statement of the last error, as source text. */
  place(): string {
    return sourceOf(this.#failed!.node);
  }

  /** What `setupGlobals` of the library declares, which it keeps to itself; range() has to pay for its items. */
  #globals(): Record<string, unknown> {
    return {
      ...{ true: true, True: true, false: false, False: false, none: null, None: null },
      raise_exception: (message: unknown) => {
        throw new Error(String(message));
      },
      strftime_now: (format: string) =>
        new Template('{{ strftime_now(format) }}').render({ format }),
      range: (first: number, end?: number, step = 1) => {
        if (step === 0) throw new Error('range() step must not be zero');
        const [start, stop] = end === undefined ? [0, first] : [first, end];
        const length = Math.max(0, Math.ceil((stop - start) / step));
        this.#spend(length);
        return Array.from({ length }, (_, i) => start + i * step);
      },
    };
  }

  #spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps <= this.#most.steps) return;
    let frame = this.#frame!;
    while (frame.node.type !== 'For' && frame.outer) frame = frame.outer;
    this.#refuse(
      'does not come to an end within',
      this.#most.steps,
      'steps',
      frame.node.type === 'For' ? frame : this.#frame!,
    );
  }

  #refuse(what: string, most: number, unit: string, { node }: Frame): never {
    throw new PipitError(
      'limit_exceeded',
      `The chat template ${what} ${most} ${unit}, at ${sourceOf(node)}. ${ANOTHER}`,
    );
  }

  /** Pays for the `value` of a frame's node, which the frame around it goes on to work with. */
  #account(value: Value, frame: Frame): void {
    const { items, values, characters } = sizeOf(value, this.#most.text);
    const size = values + characters;
    if (size > this.#most.text + 1)
      this.#refuse('makes more than', this.#most.text, 'characters', frame);
    const { node, outer } = frame;
    this.#spend((typeof value.value === 'string' ? characters : values) / 16);
    // All scopes have been searched, and an exception was thrown.
    if (node.type === 'Identifier' && value.type === 'UndefinedValue') this.#spend(10);
    if (value.type === 'FunctionValue') this.#methods.set(value, frame.operand);
    if (!outer) return;

    const call = callOf(outer.node);
    if (outer.node.type === 'For' || (call && !CHEAP_FILTERS.has(nameOf(call)))) this.#spend(items);
    if (call?.args?.some((arg) => arg === node || arg.value === node)) {
      const length = typeof value.value === 'number' ? value.value : size;
      outer.argument = Math.max(outer.argument, length);
    } else {
      outer.operand += call?.callee === node ? (this.#methods.get(value) ?? 0) : size;
    }
    if (call && outer.operand * outer.argument > MOST_GROWTH)
      this.#refuse('may make more than', MOST_GROWTH, 'characters at once', outer);
  }
}

interface Call {
  type: string;
  value?: unknown;
  callee?: { value?: unknown };
  args?: { value?: unknown }[];
}

const CHEAP_FILTERS = new Set<unknown>(['length', 'first', 'last']);

/** The filter or the call that a node is, where it is one. */
function callOf(node: Node): Call | undefined {
  if (node.type === 'CallExpression') return node;
  return (node as { filter?: Call }).filter;
}

function nameOf(call: Call): unknown {
  return call.callee ? call.callee.value : call.value;
}

/** The items of a list or mapping, and all values and characters in it, itself included; those above `most` uncounted. */
function sizeOf(value: Value, most: number): { items: number; values: number; characters: number } {
  const inner: unknown = value.value;
  if (typeof inner === 'string') return { items: 0, values: 1, characters: inner.length };
  const items = Array.isArray(inner) ? inner.length : inner instanceof Map ? inner.size : 0;
  let values = 0;
  let characters = 0;
  const pending = [value];
  for (let next = pending.pop(); next && values + characters <= most; next = pending.pop()) {
    ++values;
    const inside: unknown = next.value;
    if (typeof inside === 'string') characters += inside.length;
    else if (Array.isArray(inside)) for (const item of inside as Value[]) pending.push(item);
    else if (inside instanceof Map) {
      for (const [key, item] of inside as Map<string, Value>) {
        characters += key.length;
        pending.push(item);
      }
    }
  }
  return { items, values, characters };
}

/** The first line of a node's source. */
function sourceOf(node: Node): string {
  const template = new Template('');
  (template.parsed as Program).body.push(node);
  const [line = ''] = template.format().split('\n');
  return line.length > 100 ? `${line.slice(0, 100)}…` : line;
}
