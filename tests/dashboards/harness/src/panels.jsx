// Grafana's panels. Those of its core are not published; these join the published components the way that they do.
import * as data from '@grafana/data';
import * as ui from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import React, { useEffect, useLayoutEffect, useMemo, useRef } from 'react';
import { custom } from './runtime.js';

const Nothing = ({ fieldConfig }) => (
  <div data-nothing="" style={{ display: 'flex', height: '100%', alignItems: 'center', justifyContent: 'center' }}>
    <ui.Text color="secondary">{fieldConfig.defaults.noValue ?? 'No data'}</ui.Text>
  </div>
);

// What is not finite is not drawn.
const finite = (frame) => ({
  ...frame,
  fields: frame.fields.map((field) =>
    field.type === data.FieldType.number ? { ...field, values: field.values.map((value) => (Number.isFinite(value) ? value : null)) } : field
  ),
});

const numeric = (frame) => frame.fields.some((field) => field.type === data.FieldType.number) && frame.length > 0;

function TimeSeriesPanel({ data: { series, annotations, structureRev }, options, fieldConfig, width, height, timeRange, timeZone }) {
  const frames = useMemo(() => series.filter(numeric).map(finite), [series]);
  if (!frames.length) {
    return <Nothing fieldConfig={fieldConfig} />;
  }
  return (
    <ui.TimeSeries
      frames={frames}
      structureRev={structureRev}
      width={width}
      height={height}
      timeRange={timeRange}
      timeZone={timeZone}
      legend={options.legend}
      options={options}
    >
      {(config) => <Annotations config={config} frames={annotations ?? []} />}
    </ui.TimeSeries>
  );
}

// Regions as Grafana draws them: dashed edges, and a bar below the axis.
function Annotations({ config, frames }) {
  const theme = ui.useTheme2();
  const drawn = useRef(frames);
  const plotted = useRef();
  useLayoutEffect(() => {
    config.addHook('init', (plot) => {
      plotted.current = plot;
    });
    config.addHook('draw', (plot) => {
      const { ctx, bbox } = plot;
      for (const frame of drawn.current) {
        const field = (name) => frame.fields.find((each) => each.name === name)?.values ?? [];
        const [times, ends, colours] = [field('time'), field('timeEnd'), field('color')];
        for (let place = 0; place < frame.length; place++) {
          const x = Math.max(plot.valToPos(times[place], 'x', true), bbox.left);
          const end = Math.min(plot.valToPos(ends[place] || times[place], 'x', true), bbox.left + bbox.width);
          if (end < bbox.left || x > bbox.left + bbox.width) {
            continue;
          }
          ctx.save();
          ctx.strokeStyle = ctx.fillStyle = theme.visualization.getColorByName(colours[place]);
          ctx.setLineDash([4, 4]);
          ctx.globalAlpha = 0.6;
          ctx.beginPath();
          ctx.moveTo(x, bbox.top);
          ctx.lineTo(x, bbox.top + bbox.height);
          ctx.stroke();
          ctx.globalAlpha = 1;
          ctx.fillRect(x, bbox.top + bbox.height, Math.max(end - x, 4), 4);
          ctx.restore();
        }
      }
    });
  }, [config, theme]);
  // They come when they come: what is drawn already is drawn anew.
  useEffect(() => {
    drawn.current = frames;
    plotted.current?.redraw();
  }, [frames]);
  return null;
}

const shown = ({ fieldConfig, options, data: { series }, replaceVariables, timeZone }, theme) =>
  data.getFieldDisplayValues({ fieldConfig, reduceOptions: options.reduceOptions, replaceVariables, theme, data: series, timeZone });

function StatPanel(props) {
  const theme = ui.useTheme2();
  const { options, width, height, data: { series }, renderCounter } = props;
  if (!series.some(numeric)) {
    return <Nothing fieldConfig={props.fieldConfig} />;
  }
  return (
    <ui.VizRepeater
      getValues={() => shown(props, theme)}
      getAlignmentFactors={data.getDisplayValueAlignmentFactors}
      renderValue={({ value, width, height, count, alignmentFactors }) => (
        <ui.BigValue
          value={value.display}
          count={count}
          width={width}
          height={height}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode ?? 'auto'}
          textMode={options.textMode}
          disableWideLayout={!options.wideLayout}
          alignmentFactors={alignmentFactors}
          text={options.text}
          theme={theme}
        />
      )}
      width={width}
      height={height}
      source={series}
      itemSpacing={3}
      renderCounter={renderCounter}
      autoGrid={true}
      orientation={options.orientation}
    />
  );
}

function BarGaugePanel(props) {
  const theme = ui.useTheme2();
  const { options, width, height, data: { series }, renderCounter } = props;
  if (!series.some(numeric)) {
    return <Nothing fieldConfig={props.fieldConfig} />;
  }
  return (
    <ui.VizRepeater
      getValues={() => shown(props, theme)}
      getAlignmentFactors={data.getDisplayValueAlignmentFactors}
      renderValue={({ value, width, height, orientation, alignmentFactors, count }) => (
        <ui.BarGauge
          value={value.display}
          width={width}
          height={height}
          orientation={orientation}
          field={value.field}
          text={options.text}
          display={value.view?.getFieldDisplayProcessor(value.colIndex)}
          theme={theme}
          itemSpacing={10}
          displayMode={options.displayMode}
          alignmentFactors={count > 1 ? alignmentFactors : undefined}
          showUnfilled={options.showUnfilled}
          valueDisplayMode={options.valueMode}
          namePlacement={options.namePlacement}
        />
      )}
      width={width}
      height={height}
      source={series}
      itemSpacing={10}
      renderCounter={renderCounter}
      orientation={options.orientation}
      minVizWidth={8}
      minVizHeight={16}
      maxVizHeight={300}
    />
  );
}

function TablePanel({ data: { series }, options, fieldConfig, width, height, timeRange }) {
  const frame = series[0];
  if (!frame?.length) {
    return <Nothing fieldConfig={fieldConfig} />;
  }
  data.cacheFieldDisplayNames(series);
  return (
    <TableNG
      data={frame}
      width={width}
      height={height}
      noHeader={!options.showHeader}
      sortBy={options.sortBy}
      cellHeight={options.cellHeight}
      timeRange={timeRange}
      fieldConfig={fieldConfig}
      resizable={true}
      getActions={() => []}
    />
  );
}

const TextPanel = ({ options, replaceVariables }) => (
  <div
    className="markdown-html"
    style={{ height: '100%', overflow: 'auto' }}
    dangerouslySetInnerHTML={{ __html: data.renderTextPanelMarkdown(replaceVariables(options.content, {}, 'html')) }}
  />
);

const GRAPH = {
  drawStyle: 'line',
  lineInterpolation: 'linear',
  lineWidth: 1,
  lineStyle: undefined,
  lineColor: undefined,
  fillOpacity: 0,
  fillBelowTo: undefined,
  gradientMode: 'none',
  spanNulls: false,
  insertNulls: false,
  showPoints: 'auto',
  pointSize: 5,
  stacking: { mode: 'none', group: 'A' },
  axisPlacement: 'auto',
  axisLabel: '',
  axisColorMode: 'text',
  axisSoftMin: undefined,
  axisSoftMax: undefined,
  axisBorderShow: false,
  axisCenteredZero: false,
  scaleDistribution: { type: 'linear' },
  hideFrom: { tooltip: false, viz: false, legend: false },
  thresholdsStyle: { mode: 'off' },
  barAlignment: 0,
  barWidthFactor: 0.6,
};
const TABLE = { align: 'auto', cellOptions: { type: 'auto' }, inspect: false, width: undefined, minWidth: undefined, filterable: undefined };

// A panel leaves what it is asked to draw beside it, for the report.
const marked = (Panel) => (props) => (
  <div data-panel={props.id} style={{ height: '100%', width: '100%' }}>
    <Panel {...props} />
  </div>
);

function plugin(Panel, fields = {}) {
  return new data.PanelPlugin(marked(Panel)).useFieldConfig({
    useCustomConfig: (builder) => {
      for (const [key, value] of Object.entries(fields)) {
        builder.addCustomEditor(custom(key, value));
      }
    },
  });
}

export const PANELS = {
  timeseries: plugin(TimeSeriesPanel, GRAPH),
  stat: plugin(StatPanel),
  bargauge: plugin(BarGaugePanel),
  table: plugin(TablePanel, TABLE),
  text: plugin(TextPanel),
};
