// From a dashboard as it is imported to a scene, the way that Grafana's core does it.
import * as scenes from '@grafana/scenes';
import { LinkButton } from '@grafana/ui';
import React from 'react';

class Links extends scenes.SceneObjectBase {
  static Component = ({ model }) => (
    <div style={{ display: 'flex', flexWrap: 'wrap', gap: 8 }}>
      {model.state.links.map((link) => (
        <LinkButton key={link.title} icon="apps" variant="secondary" tooltip={link.tooltip} href={link.url}>
          {link.title}
        </LinkButton>
      ))}
    </div>
  );
}

function variable(model, chosen) {
  const { name, label, query } = model;
  const current = model.current ?? {};
  const base = { name, label, hide: model.hide, skipUrlSync: model.skipUrlSync };
  switch (model.type) {
    case 'datasource':
      return new scenes.DataSourceVariable({ ...base, pluginId: query });
    case 'textbox':
      return new scenes.TextBoxVariable({ ...base, value: chosen ?? current.value ?? query });
    case 'query':
      return new scenes.QueryVariable({
        ...base,
        query,
        datasource: model.datasource,
        isMulti: model.multi,
        includeAll: model.includeAll,
        allValue: model.allValue,
        refresh: model.refresh,
        sort: model.sort,
        value: chosen ?? current.value,
        text: chosen ?? current.text,
      });
    default:
      throw new Error(`no variable of type ${model.type} is known`);
  }
}

function panel(model) {
  const runner =
    model.targets &&
    new scenes.SceneQueryRunner({ datasource: model.datasource, queries: model.targets, dataLayerFilter: { panelId: model.id } });
  return new scenes.SceneGridItem({
    x: model.gridPos.x,
    y: model.gridPos.y,
    width: model.gridPos.w,
    height: model.gridPos.h,
    body: new scenes.VizPanel({
      key: `panel-${model.id}`,
      title: model.title,
      description: model.description,
      pluginId: model.type,
      options: model.options ?? {},
      fieldConfig: model.fieldConfig ?? { defaults: {}, overrides: [] },
      $data: runner && new scenes.SceneDataTransformer({ $data: runner, transformations: model.transformations ?? [] }),
    }),
  });
}

function children(panels) {
  const made = [];
  for (const model of panels) {
    if (model.type === 'row') {
      // A folded one is opened: what it holds is to be seen.
      made.push(new scenes.SceneGridRow({ title: model.title, y: model.gridPos.y, isCollapsed: false, children: (model.panels ?? []).map(panel) }));
    } else {
      made.at(-1).setState({ children: [...made.at(-1).state.children, panel(model)] });
    }
  }
  return made;
}

const annotation = (model) =>
  new scenes.dataLayers.AnnotationsDataLayer({ name: model.name, query: model, isEnabled: model.enable, isHidden: model.hide });

export function scene(dashboard, { from, to, chosen }) {
  return new scenes.EmbeddedScene({
    $timeRange: new scenes.SceneTimeRange({ from, to, timeZone: 'utc' }),
    $variables: new scenes.SceneVariableSet({ variables: dashboard.templating.list.map((each) => variable(each, chosen[each.name])) }),
    $data: new scenes.SceneDataLayerSet({ layers: dashboard.annotations.list.map(annotation) }),
    controls: [
      new scenes.VariableValueSelectors({}),
      new Links({ links: dashboard.links }),
      new scenes.SceneTimePicker({}),
    ],
    body: new scenes.SceneGridLayout({ children: children(dashboard.panels) }),
  });
}
