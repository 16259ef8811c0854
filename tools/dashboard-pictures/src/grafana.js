// What Grafana itself sets up before its components draw: its theme, its transformations, the settings that fields have.
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  createTheme,
  FieldConfigOptionsRegistry,
  identityOverrideProcessor,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';

export const theme = createTheme({ colors: { mode: 'dark' } });

standardTransformersRegistry.setInit(() =>
  [...new Map(Object.values(standardTransformers).map((t) => [t.id, t])).values()].map((t) => ({
    id: t.id,
    name: t.name,
    transformation: async () => t,
    editor: () => null,
    aliasIds: [],
    imageDark: '',
    imageLight: '',
    tags: new Set(),
  }))
);

const setting = (id, more) => ({
  id,
  path: id,
  name: id,
  process: identityOverrideProcessor,
  shouldApply: () => true,
  override: () => null,
  editor: () => null,
  ...more,
});

// A setting that is not named here is dropped from overrides.
const standard = 'unit min max decimals thresholds mappings displayName color noValue links description filterable'
  .split(' ')
  .map((id) => setting(id));
const custom = (
  'width minWidth align cellOptions hidden inspect filterable hideFrom drawStyle lineInterpolation lineWidth lineStyle fillOpacity ' +
  'gradientMode showPoints pointSize spanNulls stacking thresholdsStyle barAlignment scaleDistribution axisPlacement axisLabel ' +
  'axisColorMode axisGridShow axisSoftMin axisSoftMax axisBorderShow axisCenteredZero insertNulls'
)
  .split(' ')
  .map((id) => setting(`custom.${id}`, { path: id, isCustom: true }));
standardFieldConfigEditorRegistry.setInit(() => standard);
const registry = new FieldConfigOptionsRegistry(() => [...standard, ...custom]);

const lineDefaults = {
  drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0, gradientMode: 'none', showPoints: 'auto', pointSize: 5,
  axisPlacement: 'auto', axisLabel: '', axisColorMode: 'text', scaleDistribution: { type: 'linear' }, stacking: { mode: 'none', group: 'A' },
  thresholdsStyle: { mode: 'off' }, hideFrom: { tooltip: false, viz: false, legend: false }, spanNulls: false,
};

// prepared are a panel's frames with its transformations and field settings applied.
export async function prepared(panel, frames, fill) {
  let data = frames;
  if (panel.transformations?.length) {
    data = await lastValueFrom(transformDataFrame(panel.transformations, data, { interpolate: (s) => s }));
  }
  const fieldConfig = structuredClone(panel.fieldConfig);
  if (panel.type === 'timeseries') {
    fieldConfig.defaults.custom = { ...lineDefaults, ...fieldConfig.defaults.custom };
  }
  data = applyFieldOverrides({
    data, fieldConfig, fieldConfigRegistry: registry, replaceVariables: fill, theme, timeZone: 'utc',
  });
  cacheFieldDisplayNames(data);
  return data;
}
