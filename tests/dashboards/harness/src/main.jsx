// One dashboard on a page: ?dashboard=UID&prometheus=PATH&theme=dark&from=..&to=..&scrape=120&var-instance=..
import * as data from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { sceneUtils } from '@grafana/scenes';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import React from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router-dom-6';
import { PANELS } from './panels.jsx';
import { Prometheus } from './prometheus.js';
import { fingerprint, report, settled } from './report.js';
import { prepare } from './runtime.js';
import { scene } from './scene.jsx';

const wanted = new URLSearchParams(location.search);
const theme = data.createTheme({ colors: { mode: wanted.get('theme') ?? 'dark' } });
const source = new Prometheus(wanted.get('prometheus'), Number(wanted.get('scrape') ?? 60));
const chosen = Object.fromEntries(
  [...new Set(wanted.keys())].filter((key) => key.startsWith('var-')).map((key) => [key.slice(4), wanted.getAll(key)])
);

prepare(source, theme);
sceneUtils.registerRuntimeDataSource({ dataSource: source });
for (const [pluginId, plugin] of Object.entries(PANELS)) {
  sceneUtils.registerRuntimePanelPlugin({ pluginId, plugin });
}
await initPluginTranslations('campaign', []);

const dashboard = await (await fetch(`/dashboards/${wanted.get('dashboard')}.json`)).json();
const moment = (key) => new Date(Number(wanted.get(key)) * 1000).toISOString();
const made = scene(dashboard, { from: moment('from'), to: moment('to'), chosen });
window.harness = { report: () => report(made), settled: () => settled(made), fingerprint, asked: source.asked, scene: made };

document.body.style.background = theme.colors.background.canvas;
createRoot(document.getElementById('root')).render(
  <BrowserRouter>
    <data.ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <PortalContainer />
      <div style={{ padding: window.innerWidth < 769 ? 8 : 16, color: theme.colors.text.primary }}>
        <h3>{dashboard.title}</h3>
        <made.Component model={made} />
      </div>
    </data.ThemeContext.Provider>
  </BrowserRouter>
);
