/**
 * The texts of a campaign, with variables: `{{caller.number}}`.
 *
 * Glossary
 *   variable   a name in double braces
 *   template   a text with variables: the prompt, the greeting or another system message
 */
import { AppError } from '../errors.ts';

const variables = ['caller.number', 'lead.name', 'campaign.name', 'tenant.name', 'number.dialed', 'now'] as const;
export type Variable = (typeof variables)[number];

/** All variables, for people. */
export const variableList = variables.map((name) => `{{${name}}}`).join(', ');

/** Former names, which published campaigns still use. */
const formerNames: Readonly<Record<string, Variable>> = { 'number.dialled': 'number.dialed' };

const anyVariable = /\{\{([^{}]*)\}\}/g;

/** Null: there is no such variable. */
const variableOf = (text: string): Variable | null => {
  const name = text.trim();
  return (
    variables.find((known) => known === name) ?? (Object.hasOwn(formerNames, name) ? formerNames[name] : null) ?? null
  );
};

const variablesIn = (template: string): string[] => [...template.matchAll(anyVariable)].map(([, name = '']) => name);

/** What is wrong with a template: a sentence for each unknown variable and for unbalanced braces. */
export const problemsOf = (template: string): string[] => {
  const unknown = variablesIn(template)
    .filter((name) => variableOf(name) === null)
    .map((name) => `{{${name.trim()}}} is not a variable. Variables: ${variableList}.`);
  const rest = template.replace(anyVariable, '\0');
  const unbalanced = ['{{', '}}', '{\0', '\0}'].some((braces) => rest.includes(braces))
    ? ['Double braces must enclose a variable: {{now}}.']
    : [];
  return [...new Set(unknown), ...unbalanced];
};

/** Whether a template has no other variables than these. */
export const hasOnly = (template: string, allowed: readonly Variable[]): boolean =>
  variablesIn(template).every((name) => allowed.some((variable) => variable === variableOf(name)));

/**
 * Replaces the variables of a template with their values.
 * @throws AppError `prompt_invalid` if the template has a problem: a variable must never be spoken raw
 */
export const render = (template: string, values: Readonly<Record<Variable, string>>): string => {
  const problems = problemsOf(template);
  if (problems.length > 0) throw new AppError('prompt_invalid', problems.join(' '));
  return template.replace(anyVariable, (_, name: string) => {
    const variable = variableOf(name);
    return variable === null ? '' : values[variable];
  });
};
