// Draws one panel of each type that the dashboards have.
import { dateTime, getFieldDisplayValues, VizOrientation } from '@grafana/data';
import { BarGauge, BigValue, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { theme } from './grafana.js';
import { Timeline } from './timeline.jsx';

export function Body(props) {
  const { panel, data, width, height } = props;
  if (!data.some((frame) => frame.length > 0)) {
    return <div style={{ padding: 8, color: theme.colors.text.secondary }}>{panel.fieldConfig.defaults.noValue ?? 'No data'}</div>;
  }
  switch (panel.type) {
    case 'timeseries':
      return <Lines {...props} />;
    case 'table':
      return (
        <TableNG data={data[0]} width={width} height={height} cellHeight={panel.options.cellHeight} sortBy={panel.options.sortBy}
          fieldConfig={panel.fieldConfig} enableVirtualization={false} />
      );
    case 'state-timeline':
    case 'status-history':
      return <Timeline {...props} cells={panel.type === 'status-history'} />;
    case 'stat':
    case 'bargauge':
      return <Values {...props} />;
    default:
      throw new Error(`no way to draw a panel of type ${panel.type}`);
  }
}

// Lines is a time series with the annotations of the dashboard.
function Lines({ panel, data, width, height, range, marks }) {
  const mark = (u) => {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = theme.visualization.getColorByName('blue');
    ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const time of marks.filter((t) => t >= u.scales.x.min && t <= u.scales.x.max)) {
      const x = Math.round(u.valToPos(time, 'x', true));
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.beginPath();
      ctx.moveTo(x, bbox.top + bbox.height);
      ctx.lineTo(x - 5, bbox.top + bbox.height + 6);
      ctx.lineTo(x + 5, bbox.top + bbox.height + 6);
      ctx.fill();
    }
    ctx.restore();
  };
  const [from, to] = range.map((t) => dateTime(t * 1000));
  return (
    <TimeSeries frames={data} width={width} height={height} timeRange={{ from, to, raw: { from, to } }} timeZone="utc" structureRev={1}
      legend={panel.options.legend} options={panel.options}>
      {(builder) => {
        builder.addHook('draw', mark);
        return null;
      }}
    </TimeSeries>
  );
}

// Values are single values: figures, or bars.
function Values({ panel, data, width, height, fill }) {
  const { options, fieldConfig } = panel;
  const values = getFieldDisplayValues({ data, fieldConfig, reduceOptions: options.reduceOptions, replaceVariables: fill, theme, timeZone: 'utc' });
  const draw = ({ value, width, height, orientation }) =>
    panel.type === 'stat' ? (
      <BigValue value={value.display} theme={theme} width={width} height={height} count={values.length} colorMode={options.colorMode}
        graphMode={options.graphMode} textMode={options.textMode} justifyMode={options.justifyMode} wideLayout={options.wideLayout} />
    ) : (
      <BarGauge value={value.display} field={value.field} display={value.view?.getFieldDisplayProcessor(value.colIndex)} theme={theme} width={width}
        height={height} orientation={orientation} displayMode={options.displayMode} valueDisplayMode={options.valueMode} showUnfilled={options.showUnfilled}
        namePlacement={options.namePlacement} itemSpacing={8} lcdCellWidth={8} />
    );
  return (
    <VizRepeater getValues={() => values} renderValue={draw} width={width} height={height} source={data} renderCounter={0}
      autoGrid={panel.type === 'stat'} itemSpacing={panel.type === 'stat' ? 3 : 10} minVizHeight={options.minVizHeight} maxVizHeight={options.maxVizHeight}
      orientation={options.orientation === 'horizontal' ? VizOrientation.Horizontal : VizOrientation.Auto} />
  );
}
