// Tables of fields: what each field of a request does to the generation, or why it is refused.
import { checkKeys, describe, invalid } from '../check.ts';
import { PipitError } from '../errors.ts';
import { type OptionSpec, checkKind } from '../options.ts';
import type { ChatOptions } from '../session.ts';

/** What a field asks of the generation; throws for a value that it may not have. */
export type Rule = (value: unknown, field: string) => ChatOptions;

/** Changes nothing about the answer. */
export const ignored: Rule = () => ({});

/** Read by itself, or together with another field. */
export const apart: Rule = ignored;

/** The value of one of pipit's own options. */
export function option({ name, kind }: OptionSpec): Rule {
  return (value, field) => {
    checkKind(value, kind, `The field '${field}'`);
    return { [name]: value };
  };
}

/** A field of OpenAI's that is refused unless its value, which `test` knows, changes nothing about the answer. */
export function only(supported: string, test: (value: unknown) => boolean): Rule {
  return (value, field) => {
    if (test(value)) return {};
    throw new PipitError(
      'unsupported',
      `pipit cannot do what the field '${field}' asks for (${describe(value)}); it supports only ${supported}.`,
    );
  };
}

/** Refused, but for an empty list of what is not supported. */
export const absent = only(
  'requests without it',
  (value) => Array.isArray(value) && value.length === 0,
);

/** The options that the fields of `object` ask for. Throws for a field that is not in `rules`; null leaves one out. */
export function readFields(
  object: unknown,
  rules: Readonly<Record<string, Rule>>,
  place?: string,
): ChatOptions {
  if (typeof object !== 'object' || object === null) {
    throw invalid(`${place ?? 'The request'} must be an object, not ${describe(object)}.`);
  }
  checkKeys(object, Object.keys(rules), place ? `field of ${place}` : 'field of the request');
  const options: ChatOptions = {};
  for (const [field, value] of Object.entries(object)) {
    if (value === undefined || value === null) continue;
    Object.assign(options, rules[field]!(value, place ? `${place}.${field}` : field));
  }
  return options;
}
