import { describe, expect, test } from 'vitest';
import { problemsOf, render, type Variable } from '#src/campaigns/prompt.ts';

const values: Record<Variable, string> = {
  'caller.number': '+15551234567',
  'lead.name': 'Sarah {{now}}',
  'campaign.name': 'Front desk',
  'tenant.name': 'Dental',
  'number.dialled': '+18588796658',
  now: 'Monday',
};

describe('render', () => {
  test('puts values in, with or without spaces, and does not look into them again', () => {
    expect(render('Hi {{lead.name}}, {{ campaign.name }} on {{now}}.', values)).toBe(
      'Hi Sarah {{now}}, Front desk on Monday.',
    );
  });

  test.each(['Hi {{lead.age}}', 'Hi {{}}', 'Hi {{now', 'now}}', '{{{now}}}', '{{constructor}}'])(
    'refuses %j',
    (template) => {
      expect(() => render(template, values)).toThrow(expect.objectContaining({ code: 'prompt_invalid' }));
    },
  );

  test('names each unknown variable once, and those that there are', () => {
    const problems = problemsOf('{{a}} {{a}} {{b}}');
    expect(problems).toHaveLength(2);
    expect(problems[0]).toContain('{{a}} is not a variable');
    expect(problems[0]).toContain('{{caller.number}}');
  });
});
