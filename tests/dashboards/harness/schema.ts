// What a dashboard may hold, strictly: `npm run schema` writes tests/unit/dashboards/grafana.schema.json from it.
import type { Dashboard } from '@grafana/schema/dist/types/raw/dashboard/x/types.gen';
import type { GraphFieldConfig, TableFieldOptions } from '@grafana/schema/dist/types/common/common.gen';
import type { Options as BarGauge } from '@grafana/schema/dist/types/raw/composable/bargauge/panelcfg/x/types.gen';
import type { Options as Stat } from '@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen';
import type { Options as Table } from '@grafana/schema/dist/types/raw/composable/table/panelcfg/x/types.gen';
import type { Options as Text } from '@grafana/schema/dist/types/raw/composable/text/panelcfg/x/types.gen';
import type { Options as TimeSeries } from '@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen';

// Grafana fills in what is left out.
export interface Schema {
  dashboard: Dashboard;
  options: {
    bargauge: Partial<BarGauge>;
    stat: Partial<Stat>;
    table: Partial<Table>;
    text: Partial<Text>;
    timeseries: Partial<TimeSeries>;
  };
  custom: {
    table: Partial<TableFieldOptions>;
    timeseries: Partial<GraphFieldConfig>;
  };
}
