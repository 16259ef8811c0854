// Draws what @grafana/ui has no component for: a state timeline, and a status history, which is the same in cells.
import { getFieldDisplayName } from '@grafana/data';
import { theme } from './grafana.js';

const axis = 20;

export function Timeline({ panel, data, width, height, range, cells }) {
  const rows = data.map((frame) => ({ name: getFieldDisplayName(frame.fields[1], frame, data), frame }));
  const labels = Math.min(width / 3, 8 + 6.6 * Math.max(...rows.map((r) => r.name.length)));
  const rowHeight = (height - axis) / rows.length;
  const [from, to] = range;
  const x = (t) => labels + ((width - labels - 8) * (t / 1000 - from)) / (to - from);
  return (
    <svg width={width} height={height} style={{ display: 'block', fontFamily: theme.typography.fontFamily, fontSize: 12 }}>
      {rows.map(({ name, frame }, i) => (
        <g key={i} transform={`translate(0 ${i * rowHeight})`}>
          <text x={labels - 8} y={rowHeight / 2} textAnchor="end" dominantBaseline="central" fill={theme.colors.text.primary}>
            {name}
          </text>
          {pieces(frame, cells).map(({ start, end, value }, j) => {
            const { text, color } = frame.fields[1].display(value);
            const left = x(start);
            const right = Math.min(x(end), width - 8);
            return (
              <g key={j}>
                <rect x={left} width={Math.max(right - left - (cells ? 1 : 0), 0)} y={rowHeight * 0.08} height={rowHeight * 0.84} fill={color} fillOpacity={0.8} />
                {!cells && right - left > 8 * text.length && (
                  <text x={left + 6} y={rowHeight / 2} dominantBaseline="central" fill={theme.colors.getContrastText(color)}>
                    {text}
                  </text>
                )}
              </g>
            );
          })}
        </g>
      ))}
      {ticks(from, to, (width - labels) / 50).map((t) => (
        <text key={t} x={x(t * 1000)} y={height - 6} textAnchor="middle" fill={theme.colors.text.secondary}>
          {new Date(t * 1000).toISOString().slice(11, 16)}
        </text>
      ))}
    </svg>
  );
}

// pieces are the spans of equal values, or each value by itself.
function pieces(frame, cells) {
  const [times, values] = frame.fields.map((f) => f.values);
  const step = times.length > 1 ? times[1] - times[0] : 0;
  const out = [];
  for (let i = 0; i < times.length; i++) {
    const last = out.at(-1);
    if (values[i] === null) {
      continue;
    }
    if (!cells && last?.value === values[i] && last.end === times[i]) {
      last.end += step;
    } else {
      out.push({ start: times[i], end: times[i] + step, value: values[i] });
    }
  }
  return out;
}

// ticks are the full minutes at which the axis is labelled, at most so many.
function ticks(from, to, most) {
  const every = [60, 120, 300, 600, 1800, 3600].find((s) => (to - from) / s <= Math.min(most, 8)) ?? 7200;
  const out = [];
  for (let t = Math.ceil((from + 20) / every) * every; t < to - 20; t += every) {
    out.push(t);
  }
  return out;
}
