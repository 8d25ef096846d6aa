// What Grafana's core hands to its libraries, as far as a dashboard needs it.
import * as data from '@grafana/data';
import * as runtime from '@grafana/runtime';
import { Observable } from 'rxjs';
import { INSTANCE } from './prometheus.js';

const option = (id, process, more = {}) => ({
  id,
  path: id,
  name: id,
  editor: () => null,
  override: () => null,
  process,
  shouldApply: () => true,
  settings: {},
  getItemsCount: () => 0,
  ...more,
});

export const custom = (key, defaultValue) =>
  option(key, data.identityOverrideProcessor, { defaultValue, isCustom: true });

function registries() {
  data.standardEditorsRegistry.setInit(() => []);
  data.standardFieldConfigEditorRegistry.setInit(() => [
    option('unit', data.unitOverrideProcessor),
    option('min', data.numberOverrideProcessor),
    option('max', data.numberOverrideProcessor),
    option('decimals', data.numberOverrideProcessor, { settings: { min: 0, max: 15, integer: true } }),
    option('displayName', data.displayNameOverrideProcessor, { settings: { expandTemplateVars: true } }),
    option('color', data.identityOverrideProcessor),
    option('noValue', data.stringOverrideProcessor),
    option('links', data.dataLinksOverrideProcessor ?? data.identityOverrideProcessor),
    option('mappings', data.valueMappingsOverrideProcessor, { defaultValue: [] }),
    option('thresholds', data.thresholdsOverrideProcessor, {
      defaultValue: { mode: 'absolute', steps: [{ value: -Infinity, color: 'green' }] },
    }),
  ]);
  // Some stand there under two names.
  const transformers = new Map(Object.values(data.standardTransformers).map((each) => [each.id, each]));
  data.standardTransformersRegistry.setInit(() =>
    [...transformers.values()].map((transformation) => ({
      id: transformation.id,
      name: transformation.name,
      // @grafana/data calls it, @grafana/scenes reads it.
      transformation: Object.assign(async () => transformation, { operator: transformation.operator }),
      editor: () => null,
    }))
  );
}

// Grafana's own one, without streaming: what a data source answers, or its error.
const run = (source, request) =>
  new Observable((observer) => {
    const base = { timeRange: request.range, request, series: [] };
    observer.next({ ...base, state: 'Loading' });
    Promise.resolve(source.query(request)).then(
      (answer) => {
        observer.next({ ...base, state: 'Done', series: answer.data });
        observer.complete();
      },
      (error) => {
        observer.next({ ...base, state: 'Error', error: { message: error.message }, errors: [{ message: error.message }] });
        observer.complete();
      }
    );
  });

export function prepare(source, theme) {
  runtime.config.theme2 = theme;
  registries();
  runtime.setRunRequest(run);
  runtime.setAppEvents?.(new data.EventBusSrv());
  runtime.setTemplateSrv({ replace: (text) => text, getVariables: () => [], containsTemplate: () => false, updateTimeRange() {} });
  runtime.setBackendSrv({ fetch: () => new Observable(), get: async () => ({}), resolveCancelerIfExists() {} });
  runtime.setPluginImportUtils({
    importPanelPlugin: async (id) => {
      throw new Error(`no panel of type ${id} is published`);
    },
    getPanelPluginFromCache: () => undefined,
  });
  runtime.setDataSourceSrv({
    get: async () => source,
    getList: () => [INSTANCE],
    getInstanceSettings: () => INSTANCE,
    reload() {},
  });
  data.locationUtil.initialize({
    config: { appSubUrl: '' },
    getVariablesUrlParams: () => ({}),
    getTimeRangeForUrl: () => ({ from: 'now-24h', to: 'now' }),
  });
}
