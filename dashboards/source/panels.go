package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/statushistory"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// Where links lead to. They are public: alert rules name them.
const (
	overviewUID   = "mailprobe-overview"
	serverUID     = "mailprobe-server"
	domainUID     = "mailprobe-domain"
	reputationUID = "mailprobe-reputation"
	exporterUID   = "mailprobe-exporter"

	tag       = "mailprobe"
	catalogue = "https://github.com/mailprobe/mailprobe_exporter/blob/main/docs/"
)

// What colours mean, everywhere.
const (
	good    = "green"
	told    = "blue" // Worth knowing, nothing to do.
	warned  = "orange"
	bad     = "red"
	worst   = "dark-red" // No answer at all.
	unknown = "purple"
	plain   = "text"
)

type (
	builder = dashboard.DashboardBuilder //nolint:staticcheck // Deprecated for the second form, see main.go.

	panel = *dashboard.PanelBuilder
	query = *prometheus.DataqueryBuilder

	settings = []dashboard.DynamicConfigValue // Of a field.
)

// source is the data source that the reader has chosen.
func source() common.DataSourceRef {
	return common.DataSourceRef{Type: new("prometheus"), Uid: new("${datasource}")}
}

// board begins a dashboard: its variables, its changes, its links to the others.
func board(uid, title, description, from string, variables ...cog.Builder[dashboard.VariableModel]) *builder {
	b := dashboard.NewDashboardBuilder("Mailprobe / " + title) //nolint:staticcheck // As builder.
	b.Uid(uid).Description(description).Tags([]string{tag}).
		Time(from, "now").Refresh("1m").Timezone("browser").Editable().
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Data source").Type("prometheus")).
		WithVariable(chosen("job", "Job", "mailprobe_target_info", "job")).
		WithVariable(chosen("instance", "Instance", `mailprobe_target_info{job=~"$job"}`, "instance"))
	for _, v := range variables {
		b.WithVariable(v)
	}
	for _, to := range []struct{ uid, title string }{
		{overviewUID, "Overview"}, {serverUID, "Server"}, {domainUID, "Domain"}, {reputationUID, "Reputation"}, {exporterUID, "Exporter"},
	} {
		if to.uid != uid {
			b.Link(dashboard.NewDashboardLinkBuilder(to.title).Type(dashboard.DashboardLinkTypeLink).Icon("dashboard").
				Url("/d/" + to.uid + "?" + carried).KeepTime(true))
		}
	}
	return b
}

// carried are the variables that every dashboard has, for a link. Its own variables a dashboard keeps to itself: a server
// is no domain.
const carried = "${datasource:queryparam}&${job:queryparam}&${instance:queryparam}"

// chosen is a variable of which several values or all can be chosen, all at first.
func chosen(name, title, series, label string) *dashboard.QueryVariableBuilder {
	return picked(name, title, series, label).Multi(true).IncludeAll(true).AllValue(".*").
		Current(dashboard.VariableOption{Text: words("All"), Value: words("$__all")})
}

// picked is a variable with one value, the first at first.
func picked(name, title, series, label string) *dashboard.QueryVariableBuilder {
	text := fmt.Sprintf("label_values(%s, %s)", series, label)
	return dashboard.NewQueryVariableBuilder(name).Label(title).Datasource(source()).
		Query(dashboard.StringOrMap{String: &text}).Definition(text).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortAlphabeticalAsc)
}

func words(w ...string) dashboard.StringOrArrayOfString {
	return dashboard.StringOrArrayOfString{ArrayOfString: w}
}

// changes marks when records of targets changed.
func changes(expr string) cog.Builder[dashboard.AnnotationQuery] {
	return marked("Changes of records", expr, "{{record}} changed", "{{name}}", "record,target")
}

// marked marks moments on the time axis. Grafana takes the value, in milliseconds, for the time.
func marked(name, expr, title, text, tags string) cog.Builder[dashboard.AnnotationQuery] {
	return dashboard.NewAnnotationQueryBuilder().Name(name).Datasource(source()).Enable(true).IconColor(told).
		Expr(expr).Step("60s").UseValueForTime(true).
		TitleFormat(title).TextFormat(text).TagKeys(tags)
}

// now asks for a value at the end of the time range, a series each.
func now(legend, expr string) query { return over(legend, expr).Instant() }

// over asks for values over the time range.
func over(legend, expr string) query {
	return prometheus.NewDataqueryBuilder().Expr(expr).Range().LegendFormat(legend).Format(prometheus.PromQueryFormatTimeSeries)
}

// rows asks for values at the end of the time range, a row each, with a column of each label.
func rows(expr string) query {
	return prometheus.NewDataqueryBuilder().Expr(expr).Instant().Format(prometheus.PromQueryFormatTable)
}

// newPanel is a panel of some kind, w of 24 columns wide, with its queries A, B, C.
func newPanel(kind, title, description string, w, h uint32, queries []query) panel {
	p := dashboard.NewPanelBuilder().Type(kind).Title(title).Description(description).Datasource(source()).
		Span(w).Height(h)
	for i, q := range queries {
		p.WithTarget(cog.Builder[variants.Dataquery](q.RefId(string(rune('A' + i))).Datasource(source())))
	}
	return p
}

// figures shows the last value of each query, large, on its colour.
func figures(title, description string, w uint32, queries ...query) panel {
	return newPanel("stat", title, description, w, 4, queries).Options(stat.Options{
		ColorMode: common.BigValueColorModeBackgroundSolid, GraphMode: common.BigValueGraphModeNone,
		JustifyMode: common.BigValueJustifyModeCenter, TextMode: common.BigValueTextModeAuto, WideLayout: true,
		Orientation: common.VizOrientationAuto, ReduceOptions: last(),
	})
}

// names shows what a query gives by its legend, large: the labels matter and not the value.
func names(title, description string, queries ...query) panel {
	return newPanel("stat", title, description, 4, 4, queries).Options(stat.Options{
		ColorMode: common.BigValueColorModeBackgroundSolid, GraphMode: common.BigValueGraphModeNone,
		JustifyMode: common.BigValueJustifyModeCenter, TextMode: common.BigValueTextModeName, WideLayout: true,
		Orientation: common.VizOrientationAuto, ReduceOptions: last(),
	})
}

// lines draws values over time.
func lines(title, description string, w uint32, queries ...query) panel {
	return newPanel("timeseries", title, description, w, 8, queries).Min(0).
		ColorScheme(color(dashboard.FieldColorModeIdPaletteClassic, "")).
		Options(timeseries.Options{Legend: legend(), Tooltip: tooltip()}).
		Custom(common.GraphFieldConfig{
			DrawStyle: new(common.GraphDrawStyleLine), LineInterpolation: new(common.LineInterpolationLinear), LineWidth: new(2.0),
			FillOpacity: new(10.0), ShowPoints: new(common.VisibilityModeNever), SpanNulls: &common.BoolOrFloat64{Bool: new(false)},
		})
}

// stacked draws values over time, one upon the other.
func stacked(title, description string, w uint32, queries ...query) panel {
	return lines(title, description, w, queries...).Custom(common.GraphFieldConfig{
		DrawStyle: new(common.GraphDrawStyleLine), LineInterpolation: new(common.LineInterpolationStepAfter), LineWidth: new(1.0),
		FillOpacity: new(60.0), ShowPoints: new(common.VisibilityModeNever), SpanNulls: &common.BoolOrFloat64{Bool: new(false)},
		Stacking: &common.StackingConfig{Mode: new(common.StackingModeNormal), Group: new("A")},
	})
}

// bars shows the last values as bars.
func bars(title, description string, w, h uint32, queries ...query) panel {
	return newPanel("bargauge", title, description, w, h, queries).Min(0).Options(bargauge.Options{
		DisplayMode: common.BarGaugeDisplayModeBasic, ValueMode: common.BarGaugeValueModeColor, NamePlacement: common.BarGaugeNamePlacementAuto,
		ShowUnfilled: true, Sizing: common.BarGaugeSizingAuto, MinVizWidth: 8, MinVizHeight: 16, MaxVizHeight: 300,
		Legend:      common.VizLegendOptions{DisplayMode: common.LegendDisplayModeList, Placement: common.LegendPlacementBottom, Calcs: []string{}},
		Orientation: common.VizOrientationHorizontal, ReduceOptions: last(),
	})
}

// timeline shows over time in which of several states something was, a row each.
func timeline(title, description string, w, h uint32, queries ...query) panel {
	return newPanel("state-timeline", title, description, w, h, queries).
		ColorScheme(color(dashboard.FieldColorModeIdThresholds, "")).
		Options(statetimeline.Options{
			ShowValue: common.VisibilityModeAuto, RowHeight: 0.85, MergeValues: new(true), AlignValue: new(common.TimelineValueAlignmentLeft),
			Legend:  common.VizLegendOptions{DisplayMode: common.LegendDisplayModeList, Placement: common.LegendPlacementBottom, Calcs: []string{}},
			Tooltip: tooltip(),
		}).
		Custom(statetimeline.FieldConfig{LineWidth: new(uint32(0)), FillOpacity: new(uint32(80))})
}

// heat shows the state of something at each moment, a row each and a cell a moment.
func heat(title, description string, w, h uint32, queries ...query) panel {
	return newPanel("status-history", title, description, w, h, queries).MaxDataPoints(100).
		ColorScheme(color(dashboard.FieldColorModeIdThresholds, "")).
		Options(statushistory.Options{
			ShowValue: common.VisibilityModeNever, RowHeight: 0.9, ColWidth: new(0.9),
			Legend:  common.VizLegendOptions{DisplayMode: common.LegendDisplayModeList, Placement: common.LegendPlacementBottom, ShowLegend: true, Calcs: []string{}},
			Tooltip: tooltip(),
		}).
		Custom(statushistory.FieldConfig{LineWidth: new(uint32(1)), FillOpacity: new(uint32(80))})
}

// A column is one of a table.
type column struct {
	field  string // Label, or Value, or "Value #B".
	title  string // "" hides it; links may still use it.
	width  int    // 0: its share of what is left.
	styles settings
}

// firstValue is the value of the first of several queries.
const firstValue = "Value #A"

// listed is a table of what queries give now, with these columns in their order, sorted by the first.
func listed(title, description string, w, h uint32, descending bool, columns []column, queries ...query) panel {
	p := newPanel("table", title, description, w, h, queries).
		Options(table.Options{
			ShowHeader: true, CellHeight: new(common.TableCellHeightSm),
			SortBy: []common.TableSortByFieldState{{DisplayName: columns[0].title, Desc: new(descending)}},
		}).
		Custom(map[string]any{"align": "left", "cellOptions": map[string]any{"type": "auto"}, "inspect": false})
	if len(queries) > 1 {
		p.WithTransformation(dashboard.DataTransformerConfig{Id: "merge", Options: map[string]any{}})
	}
	order := map[string]int{}
	for i, c := range columns {
		order[c.field] = i
		styles := append(slices.Clone(c.styles), set("noValue", "")) // That of the panel is for an empty table.
		if c.title == "" {
			// Grafana 10 to 12 know the one, later ones the other.
			styles = append(styles, set("custom.hidden", true), set("custom.hideFrom", map[string]bool{"legend": true, "tooltip": true, "viz": true}))
		} else {
			styles = append(styles, set("displayName", c.title))
		}
		if c.width > 0 {
			styles = append(styles, set("custom.width", c.width))
		}
		if c.field == firstValue {
			// If no other query finds anything, Grafana leaves its letter out.
			order["Value"] = i
			p.OverrideByRegexp("^Value( #A)?$", styles)
			continue
		}
		p.OverrideByName(c.field, styles)
	}
	return p.WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
		"excludeByName": map[string]bool{"Time": true, "order": true}, "indexByName": order, "renameByName": map[string]string{},
	}})
}

// set is one setting of a field.
func set(id string, value any) dashboard.DynamicConfigValue {
	return dashboard.DynamicConfigValue{Id: id, Value: value}
}

// filled colours a cell by the mappings or thresholds of its field.
func filled() dashboard.DynamicConfigValue {
	return set("custom.cellOptions", map[string]any{"type": "color-background", "mode": "basic"})
}

// link leads from a cell to a URL.
func link(title, url string, away bool) dashboard.DynamicConfigValue {
	return set("links", []map[string]any{{"title": title, "url": url, "targetBlank": away}})
}

// toDashboard leads from a cell with a target's name to the dashboard about it; uid may come from the row.
func toDashboard(uid, field string) dashboard.DynamicConfigValue {
	return link("Look at it", fmt.Sprintf("/d/%s?var-target=${__data.fields[%q]:percentencode}&%s&${__url_time_range}", uid, field, carried), false)
}

// rowsDashboard is what leading has added.
const rowsDashboard = "${__data.fields.dashboard}"

// A word is what a value means to people.
type word struct {
	value int
	text  string
	color string
}

// meaning maps values to words.
func meaning(list ...word) []dashboard.ValueMapping {
	options := map[string]dashboard.ValueMappingResult{}
	for i, w := range list {
		options[strconv.Itoa(w.value)] = dashboard.ValueMappingResult{Text: new(w.text), Color: new(w.color), Index: new(int32(i))}
	}
	return []dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: options}}}
}

// between colours a range of values and leaves them as they are.
func between(from, to float64, color string) dashboard.ValueMapping {
	return dashboard.ValueMapping{RangeMap: &dashboard.RangeMap{Type: dashboard.MappingTypeRangeToText, Options: dashboard.DashboardRangeMapOptions{
		From: &from, To: &to, Result: dashboard.ValueMappingResult{Color: new(color)},
	}}}
}

// The words for verdicts.
var (
	severities = []word{{rankCritical, "critical", bad}, {rankWarning, "warning", warned}, {rankInfo, "info", told}, {0, "no problem", good}}
	matching   = []word{{1, "matches", good}, {0, "no match", bad}}
	yesNo      = []word{{1, "yes", good}, {0, "no", bad}}
	postures   = append([]word{{untellable, "cannot tell", unknown}}, severities...)
)

// blank leaves a cell without a value uncoloured: it is not known.
var blank = dashboard.ValueMapping{SpecialValueMap: &dashboard.SpecialValueMap{Type: dashboard.MappingTypeSpecialValue, Options: dashboard.DashboardSpecialValueMapOptions{
	Match: dashboard.SpecialValueMatchNull, Result: dashboard.ValueMappingResult{Text: new(""), Color: new("transparent")},
}}}

// as gives a cell a meaning and its colour.
func as(list []word) settings {
	return settings{set("mappings", append(meaning(list...), blank)), filled()}
}

// verified colours the result of a verification.
func verified() settings {
	return settings{
		set("mappings", []dashboard.ValueMapping{
			{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: map[string]dashboard.ValueMappingResult{"ok": {Color: new(good)}, "pass": {Color: new(good)}}}},
			{RegexMap: &dashboard.RegexMap{Type: dashboard.MappingTypeRegexToText, Options: dashboard.DashboardRegexMapOptions{
				Pattern: "(.+)", Result: dashboard.ValueMappingResult{Text: new("$1"), Color: new(bad)},
			}}},
		}),
		set("custom.cellOptions", map[string]any{"type": "color-text"}),
	}
}

// A scale is thresholds: the colour of the lowest values, then of those from each step on.
type scale dashboard.ThresholdsConfig

// Build makes a scale fit for a panel.
func (s scale) Build() (dashboard.ThresholdsConfig, error) { return dashboard.ThresholdsConfig(s), nil }

// steps is a scale.
func steps(first string, then ...step) scale {
	list := []dashboard.Threshold{{Color: first}}
	for _, s := range then {
		list = append(list, dashboard.Threshold{Value: new(s.from), Color: s.color})
	}
	return scale{Mode: dashboard.ThresholdsModeAbsolute, Steps: list}
}

// A step is where a colour begins.
type step struct {
	from  float64
	color string
}

// graded colours a cell by a scale.
func graded(s scale) settings {
	return settings{
		set("thresholds", s), set("color", map[string]string{"mode": "thresholds"}), set("mappings", []dashboard.ValueMapping{blank}), filled(),
	}
}

// painted gives the series of a name their colour.
func painted(p panel, colors map[string]string) panel {
	for _, name := range slices.Sorted(maps.Keys(colors)) {
		p.OverrideByName(name, settings{set("color", map[string]string{"mode": "fixed", "fixedColor": colors[name]})})
	}
	return p
}

// labelled paints figures and names, which have no colour of their own.
func labelled(p panel, colors map[string]string) panel {
	return painted(p.Unit("none").ColorScheme(color(dashboard.FieldColorModeIdFixed, plain)), colors)
}

func color(mode dashboard.FieldColorModeId, fixed string) *dashboard.FieldColorBuilder {
	b := dashboard.NewFieldColorBuilder().Mode(mode)
	if fixed != "" {
		b.FixedColor(fixed)
	}
	return b
}

func legend() common.VizLegendOptions {
	return common.VizLegendOptions{DisplayMode: common.LegendDisplayModeList, Placement: common.LegendPlacementBottom, ShowLegend: true, Calcs: []string{}}
}

func tooltip() common.VizTooltipOptions {
	return common.VizTooltipOptions{Mode: common.TooltipDisplayModeMulti, Sort: common.SortOrderDescending}
}

func last() common.ReduceDataOptions {
	return common.ReduceDataOptions{Calcs: []string{"lastNotNull"}}
}
