// The page: one dashboard, drawn as Grafana would. window.picture says when it is whole, and what went wrong.
import { GlobalStyles, PanelChrome } from '@grafana/ui';
import { ThemeContext } from '@grafana/data';
import { Component } from 'react';
import { createRoot } from 'react-dom/client';
import { prepared, theme } from './grafana.js';
import { Body } from './panels.jsx';
import { Asker } from './query.js';

const width = 1440;
const errors = [];
window.addEventListener('error', (e) => errors.push(String(e.error?.stack ?? e.message)));

const asked = Object.fromEntries(new URLSearchParams(location.search));
const step = 15;
const end = Math.floor(Date.now() / 1000 / step) * step;
const start = end - Number(asked.seconds);

// values gives each variable its value: the one asked for, or all there are, or the first.
async function values(dashboard) {
  const asker = new Asker({ start, end, step, variables: {}, errors });
  const shown = [];
  for (const v of dashboard.templating.list.filter((v) => v.type !== 'datasource')) {
    let value = asked[v.name] ?? v.current?.value;
    let options = [];
    if (v.type === 'query') {
      const [, match, label] = v.query.match(/^label_values\((.*), (\w+)\)$/);
      options = await asker.ask(`label/${label}/values`, { 'match[]': asker.fill(match), start, end });
    }
    if (v.includeAll && asked[v.name] === undefined) {
      asker.variables[v.name] = v.allValue;
      shown.push([v.label, 'All']);
    } else {
      value = [value ?? options[0]].flat();
      asker.variables[v.name] = v.multi ? `(${value.join('|')})` : value[0];
      shown.push([v.label, value.join(' + ')]);
    }
    asker.options = { ...asker.options, [v.name]: options };
  }
  return { asker, shown };
}

// repeated are the panels with those that a variable repeats in its place.
function repeated(panels, options) {
  return panels.flatMap((p) => {
    if (!p.repeat) {
      return [p];
    }
    const each = options[p.repeat];
    const w = 24 / Math.min(each.length, p.maxPerRow ?? 4);
    return each.map((value, i) => ({
      ...p, id: `${p.id}-${value}`, title: p.title.replace(`$${p.repeat}`, value), scoped: { [p.repeat]: value },
      gridPos: { ...p.gridPos, w, x: i * w },
    }));
  });
}

async function load(panel, asker) {
  try {
    const only = panel.targets.length === 1;
    const frames = await Promise.all(panel.targets.map((t) => asker.frames({ ...t, only }, panel.type, panel.scoped)));
    return await prepared(panel, frames.flat(), (s) => asker.fill(s));
  } catch (e) {
    errors.push(`${panel.title}: ${e.stack}`);
    return [];
  }
}

class Guard extends Component {
  state = {};
  static getDerivedStateFromError = (error) => ({ error });
  componentDidCatch = (error) => errors.push(error.stack);
  render = () => (this.state.error ? <pre>{String(this.state.error)}</pre> : this.props.children);
}

function Page({ dashboard, shown, panels, marks, asker }) {
  const column = width / 24;
  const row = 38;
  const top = 84;
  const bottom = Math.max(...panels.map(({ panel: { gridPos: g } }) => g.y + g.h));
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <div id="dashboard" style={{ position: 'relative', width, height: top + bottom * row + 8, background: theme.colors.background.canvas }}>
        <div style={{ padding: '14px 12px', fontSize: 18 }}>{dashboard.title}</div>
        <div style={{ padding: '0 12px', display: 'flex', gap: 20, color: theme.colors.text.secondary }}>
          {shown.map(([label, value]) => (
            <span key={label}>
              {label} <b style={{ color: theme.colors.text.primary }}>{value}</b>
            </span>
          ))}
        </div>
        {panels.map(({ panel, data }) => {
          const { x, y, w, h } = panel.gridPos;
          const size = { width: w * column - 8, height: h * row - 8 };
          return (
            <div key={panel.id} style={{ position: 'absolute', left: x * column + 4, top: top + y * row, ...size }}>
              <PanelChrome title={panel.title} description={panel.description} {...size}>
                {(innerWidth, innerHeight) => (
                  <Guard>
                    <Body panel={panel} data={data} width={innerWidth} height={innerHeight} range={[start, end]} marks={marks} fill={(s) => asker.fill(s)} />
                  </Guard>
                )}
              </PanelChrome>
            </div>
          );
        })}
      </div>
    </ThemeContext.Provider>
  );
}

const dashboard = await (await fetch(`/dashboards/${asked.dashboard}.json`)).json();
const { asker, shown } = await values(dashboard);
const panels = await Promise.all(
  repeated(dashboard.panels, asker.options).map(async (panel) => ({ panel, data: await load(panel, asker) }))
);
const changes = await Promise.all(
  dashboard.annotations.list.filter((a) => a.expr).map((a) => asker.ask('query', { query: asker.fill(a.expr), time: end }))
);
const marks = changes.flat().map((r) => Number(r.value[1]));
createRoot(document.getElementById('root')).render(<Page {...{ dashboard, shown, panels, marks, asker }} />);
setTimeout(() => {
  const empty = panels.filter(({ data }) => !data.some((f) => f.length > 0)).map(({ panel }) => panel.title);
  window.picture = { errors, empty };
}, 2000);
