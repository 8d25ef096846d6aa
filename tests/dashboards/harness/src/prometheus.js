// Grafana's Prometheus data source, as far as the dashboards use it, on Prometheus's own API.
import * as data from '@grafana/data';
import { RuntimeDataSource, sceneGraph } from '@grafana/scenes';
import { of } from 'rxjs';

export const UID = 'prometheus';
const TYPE = 'prometheus';
export const INSTANCE = {
  name: 'Prometheus',
  uid: UID,
  type: TYPE,
  id: 1,
  isDefault: true,
  jsonData: {},
  meta: { id: TYPE, name: TYPE, type: 'datasource', metrics: true, info: { logos: { small: '', large: '' } } },
};

// Grafana escapes the values of a variable twice where it may have several: for the regular expression, and for the string.
const inString = (value) => String(value).replace(/\\/g, '\\\\').replace(/'/g, "\\\\'");
const inPattern = (value) => String(value).replace(/\\/g, '\\\\\\\\').replace(/[$^*{}[\]'+?.()|]/g, '\\\\$&');

function escaped(value, variable) {
  if (!variable?.multi && !variable?.includeAll) {
    return inString(value);
  }
  const values = [value].flat().map(inPattern);
  return values.length === 1 ? values[0] : `(${values.join('|')})`;
}

const legend = (format, labels) => format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => labels[label] ?? '');

export class Prometheus extends RuntimeDataSource {
  constructor(url, scrapeSeconds) {
    super(TYPE, UID);
    this.url = url;
    this.scrapeSeconds = scrapeSeconds;
    this.interval = `${scrapeSeconds}s`;
    this.asked = [];
    this.annotations = {
      prepareAnnotation: (annotation) => annotation,
      prepareQuery: (annotation) => ({ refId: 'Anno', expr: annotation.expr, range: true }),
      processEvents: (annotation, frames) => of(frames.flatMap((frame) => events(annotation, frame))),
    };
  }

  async query(request) {
    const answers = await Promise.all(request.targets.filter((target) => !target.hide).map((target) => this.ask(target, request)));
    const tables = answers.filter((answer) => answer.target.format === 'table' && answer.series.length);
    return {
      data: answers.flatMap((answer) =>
        answer.target.format === 'table'
          ? answer.series.length ? [table(answer, tables.length)] : []
          : answer.series.map((series) => frame(answer.target, series))
      ),
    };
  }

  async ask(target, request) {
    const step = Math.max(request.intervalMs / 1000, this.scrapeSeconds);
    const range = Math.round((request.range.to.valueOf() - request.range.from.valueOf()) / 1000);
    const here = request.scopedVars.__sceneObject.value.valueOf();
    const expr = target.expr
      .replaceAll('$__rate_interval', `${Math.max(step + this.scrapeSeconds, 4 * this.scrapeSeconds)}s`)
      .replaceAll('$__range', `${range}s`);
    const query = sceneGraph.interpolate(here, expr, request.scopedVars, escaped);
    const end = request.range.to.unix();
    const answer = target.instant
      ? await this.get('query', { query, time: end })
      : await this.get('query_range', { query, start: Math.floor(request.range.from.unix() / step) * step, end, step });
    this.asked.push(query);
    return { target, series: answer.result };
  }

  async metricFindQuery(query, options) {
    const [, selector, label] = /^label_values\((.+),\s*(\w+)\)$/.exec(query.query ?? query);
    const here = options.scopedVars.__sceneObject.value.valueOf();
    const match = sceneGraph.interpolate(here, selector, options.scopedVars, escaped);
    const { from, to } = options.range;
    const values = await this.get(`label/${label}/values`, { 'match[]': match, start: from.unix(), end: to.unix() });
    return values.map((value) => ({ text: value }));
  }

  async get(path, parameters) {
    const answer = await (await fetch(`${this.url}/api/v1/${path}?${new URLSearchParams(parameters)}`)).json();
    if (answer.status !== 'success') {
      throw new Error(answer.error);
    }
    return answer.data;
  }

  async testDatasource() {
    return { status: 'success', message: 'ok' };
  }
}

const number = (text) => (/inf/i.test(text) ? (text.startsWith('-') ? -Infinity : Infinity) : parseFloat(text));

function frame(target, series) {
  const points = series.values ?? [series.value];
  const { __name__: name, ...labels } = series.metric;
  const named = target.legendFormat ? { displayNameFromDS: legend(target.legendFormat, series.metric) } : {};
  return data.toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: data.FieldType.time, values: points.map(([time]) => time * 1000), config: {} },
      { name: 'Value', type: data.FieldType.number, labels: series.metric, values: points.map(([, value]) => number(value)), config: named },
    ],
  });
}

// Samples that follow one another become one region, as Grafana joins them.
function events(annotation, frame) {
  const [times, values] = frame.fields.map((field) => field.values);
  const step = Math.min(...times.slice(1).map((time, place) => time - times[place]), 3_600_000);
  const made = [];
  times.forEach((time, place) => {
    if (values[place] > 0 && made.length && time - made.at(-1).timeEnd <= step) {
      made.at(-1).timeEnd = time;
    } else if (values[place] > 0) {
      const said = (format) => legend(format ?? '', frame.fields[1].labels);
      made.push({ time, timeEnd: time, isRegion: true, title: said(annotation.titleFormat), text: said(annotation.textFormat), annotation });
    }
  });
  return made;
}

// One frame a query: its labels, and its value under a name of its own where there are several.
function table({ target, series }, frames) {
  const names = [...new Set(series.flatMap((each) => Object.keys(each.metric).sort()))];
  const column = (name, type, values) => ({ name, type, values, config: {} });
  return data.toDataFrame({
    refId: target.refId,
    fields: [
      column('Time', data.FieldType.time, series.map((each) => each.value[0] * 1000)),
      ...names.map((name) => column(name, data.FieldType.string, series.map((each) => each.metric[name] ?? ''))),
      column(frames > 1 ? `Value #${target.refId}` : 'Value', data.FieldType.number, series.map((each) => number(each.value[1]))),
    ],
  });
}
