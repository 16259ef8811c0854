// Asks Prometheus what a panel asks, and makes of the answer what Grafana's Prometheus data source makes of it.
import { FieldType, toDataFrame } from '@grafana/data';

// An asker knows the time range, the values of the variables, and what went wrong so far.
export class Asker {
  constructor({ start, end, step, variables, errors }) {
    Object.assign(this, { start, end, step, variables, errors });
  }

  // fill puts in the variables' values, and those of one more set.
  fill(text, more = {}) {
    const values = {
      __rate_interval: `${4 * this.step}s`,
      __range: `${this.end - this.start}s`,
      ...this.variables,
      ...more,
    };
    return text.replace(/\$\{?(\w+)(:\w+)?\}?/g, (whole, name) => values[name] ?? whole);
  }

  async ask(path, parameters) {
    const answer = await (await fetch(`/api/v1/${path}?${new URLSearchParams(parameters)}`)).json();
    if (answer.status !== 'success') {
      this.errors.push(`${JSON.stringify(parameters)}: ${answer.error}`);
      return [];
    }
    return answer.data.result ?? answer.data;
  }

  // frames are the data frames of one query of a panel: none if nothing is found.
  async frames(target, type, more) {
    const query = this.fill(target.expr, more);
    const result = target.instant
      ? await this.ask('query', { query, time: this.end })
      : await this.ask('query_range', { query, start: this.start, end: this.end, step: this.step });
    if (target.format === 'table') {
      return result.length > 0 ? [table(target, result)] : [];
    }
    return result.map((series) => this.series(target, type, series));
  }

  series(target, type, { metric, values, value }) {
    let points = values ?? [value];
    if (values) {
      // A moment without a value is a gap.
      const at = new Map(values);
      points = [];
      for (let t = this.start; t <= this.end; t += this.step) {
        points.push([t, at.get(t) ?? null]);
      }
    }
    const legend = target.legendFormat
      ? target.legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => metric[label] ?? '')
      : JSON.stringify(metric);
    return toDataFrame({
      refId: target.refId,
      name: legend,
      fields: [
        { name: 'Time', type: FieldType.time, values: points.map((p) => p[0] * 1000) },
        {
          name: 'Value',
          type: FieldType.number,
          values: points.map((p) => number(p[1], type)),
          labels: metric,
          config: { displayNameFromDS: legend },
        },
      ],
    });
  }
}

// table is a frame with a column of each label, as the format "table" gives.
function table(target, result) {
  const labels = [...new Set(result.flatMap((r) => Object.keys(r.metric)))].sort();
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: result.map((r) => r.value[0] * 1000) },
      ...labels.map((label) => ({ name: label, type: FieldType.string, values: result.map((r) => r.metric[label]) })),
      {
        name: target.only ? 'Value' : `Value #${target.refId}`,
        type: FieldType.number,
        values: result.map((r) => number(r.value[1])),
      },
    ],
  });
}

// number reads a value; a line that is not finite has a gap there, or its axis vanishes.
function number(text, type) {
  if (text === null) {
    return null;
  }
  const value = { '+Inf': Infinity, '-Inf': -Infinity }[text] ?? Number(text);
  return type === 'timeseries' && !Number.isFinite(value) ? null : value;
}
