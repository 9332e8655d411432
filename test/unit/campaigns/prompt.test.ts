import { describe, expect, test } from 'vitest';
import { problemsOf, render, type Variable } from '#src/campaigns/prompt.ts';

const values: Record<Variable, string> = {
  'caller.number': '+15551234567',
  'lead.name': 'Sarah {{now}}',
  'campaign.name': 'Front desk',
  'tenant.name': 'Dental',
  'number.dialed': '+18588796658',
  now: 'Monday',
};

describe('render', () => {
  test('replaces variables, with or without spaces, and none within their values', () => {
    expect(render('Hi {{lead.name}}, {{ campaign.name }} on {{now}}.', values)).toBe(
      'Hi Sarah {{now}}, Front desk on Monday.',
    );
  });

  test('accepts the former spelling of a variable, which published campaigns still have', () => {
    expect(render('You called {{number.dialled}}.', values)).toBe('You called +18588796658.');
    expect(problemsOf('{{number.dialled}} {{number.dialed}}')).toEqual([]);
  });

  test.each(['Hi {{lead.age}}', 'Hi {{}}', 'Hi {{now', 'now}}', '{{{now}}}', '{{constructor}}'])(
    'refuses %j',
    (template) => {
      expect(() => render(template, values)).toThrow(expect.objectContaining({ code: 'prompt_invalid' }));
    },
  );

  test('names each unknown variable once, and lists the known ones', () => {
    const problems = problemsOf('{{a}} {{a}} {{b}}');
    expect(problems).toHaveLength(2);
    expect(problems[0]).toContain('{{a}} is not a variable');
    expect(problems[0]).toContain('{{caller.number}}');
  });
});
