/**
 * What a campaign says, with its variables: `{{caller.number}}`.
 *
 * Glossary
 *   variable   a name in double braces; those below are all that there are
 *   template   a text with variables: the prompt, the greeting and the other sentences of a campaign
 */
import { AppError } from '../errors.ts';

export const variables = [
  'caller.number',
  'lead.name',
  'campaign.name',
  'tenant.name',
  'number.dialled',
  'now',
] as const;
export type Variable = (typeof variables)[number];

const anyVariable = /\{\{([^{}]*)\}\}/g;

const isVariable = (name: string): name is Variable => variables.some((known) => known === name);

/** What is wrong with a template: a sentence for each unknown variable and for braces that don't match. */
export const problemsOf = (template: string): string[] => {
  const unknown = [...template.matchAll(anyVariable)]
    .map(([, name = '']) => name.trim())
    .filter((name) => !isVariable(name))
    .map((name) => `{{${name}}} is not a variable; there are ${variables.map((known) => `{{${known}}}`).join(', ')}.`);
  const rest = template.replace(anyVariable, '\0');
  const unbalanced = ['{{', '}}', '{\0', '\0}'].some((braces) => rest.includes(braces))
    ? ['Double braces must enclose a variable: {{now}}.']
    : [];
  return [...new Set(unknown), ...unbalanced];
};

/** Whether a template has no other variables than these. */
export const namesOnly = (template: string, allowed: readonly Variable[]): boolean =>
  [...template.matchAll(anyVariable)].every(([, name = '']) => allowed.some((known) => known === name.trim()));

/**
 * Puts the values into a template.
 * @throws AppError `prompt_invalid` where the template has a problem: a variable is never spoken raw
 */
export const render = (template: string, values: Readonly<Record<Variable, string>>): string => {
  const problems = problemsOf(template);
  if (problems.length > 0) throw new AppError('prompt_invalid', problems.join(' '));
  return template.replace(anyVariable, (_, name: string) => {
    const known = name.trim();
    return isVariable(known) ? values[known] : '';
  });
};
