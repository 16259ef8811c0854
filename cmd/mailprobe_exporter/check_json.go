package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/prometheus/common/version"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector"
)

// What `check --format json` gives: docs/check.md describes it. Fields are added, never changed, while format is 1.
type (
	checkJSON struct {
		Format   int             `json:"format"`
		Version  string          `json:"version"`
		Verdict  string          `json:"verdict"` // well, problems (--fail-on), unknown.
		Overran  bool            `json:"overran"`
		Targets  []checkedJSON   `json:"targets"`
		Problems []foundJSON     `json:"problems"`
		Accepted []foundJSON     `json:"accepted"`
		Vantage  []foundJSON     `json:"vantage"`
		Ports    []checkPortJSON `json:"ports"`
	}
	checkedJSON struct {
		Target string          `json:"target"`
		Kind   string          `json:"kind"`
		Source string          `json:"source"`
		Checks []checkDoneJSON `json:"checks"`
	}
	checkDoneJSON struct {
		Check      string      `json:"check"`
		Conclusive bool        `json:"conclusive"`
		Error      string      `json:"error"`
		Things     []thingJSON `json:"things"`
		Values     []valueJSON `json:"values"`
	}
	valueJSON struct {
		Metric string            `json:"metric"`
		Labels map[string]string `json:"labels"`
		Value  float64           `json:"value"`
	}
	thingJSON struct {
		Thing    string   `json:"thing"`
		Verdict  string   `json:"verdict"` // ok, problem, unknown.
		Reason   string   `json:"reason"`
		Evidence []string `json:"evidence"`
	}
	foundJSON struct {
		Problem    string           `json:"problem"`
		Check      string           `json:"check"`
		Severity   catalog.Severity `json:"severity"`
		Who        catalog.Who      `json:"who"`
		Where      []placeJSON      `json:"where"`
		recordJSON                  // The first of Records; empty if there is none.
		Records    []recordJSON     `json:"records"`
		Listings   []listing        `json:"listings"` // What the blocklists say, of a listing.
		FileURL    string           `json:"file_url"` // Empty with File if there is none.
		File       string           `json:"file"`
		adviceJSON
	}
	recordJSON struct {
		Name string `json:"record_name"`
		Type string `json:"record_type"`
		Data string `json:"record"`
	}
	placeJSON struct {
		Target   string   `json:"target"`
		Evidence []string `json:"evidence"`
		Accepted string   `json:"accepted"`
	}
	checkPortJSON struct {
		Host    string `json:"host"`
		Port    uint16 `json:"port"`
		Outcome string `json:"outcome"`
		Login   bool   `json:"login"`
	}
)

// writeJSON writes a report for programs, with texts in one language.
func (r *report) writeJSON(w io.Writer, lang catalog.Lang) error {
	out := checkJSON{
		Format: 1, Version: version.Version, Verdict: []string{"well", "problems", "unknown"}[r.status], Overran: r.overran,
		Targets: []checkedJSON{}, Ports: []checkPortJSON{},
		Problems: foundsJSON(r.cat, r.problems, lang), Accepted: foundsJSON(r.cat, r.accepted, lang), Vantage: foundsJSON(r.cat, r.own, lang),
	}
	for _, s := range r.snapshots {
		t := checkedJSON{Target: s.Target.Name, Kind: string(s.Target.Kind), Source: string(s.Target.Source), Checks: []checkDoneJSON{}}
		for _, c := range s.Checks {
			done := checkDone(c)
			done.Values = r.valuesJSON(s, c)
			t.Checks = append(t.Checks, done)
		}
		out.Targets = append(out.Targets, t)
	}
	for _, p := range r.ports {
		if p.host != "" {
			out.Ports = append(out.Ports, checkPortJSON{p.host, p.number, p.outcome, p.login})
		}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(out); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// valuesJSON are all values that a check saw.
func (r *report) valuesJSON(s *collector.Snapshot, c collector.CheckState) []valueJSON {
	out := []valueJSON{}
	for _, m := range c.Check.Metrics {
		for _, v := range r.collector.Values(s, m) {
			if v.Check == c.Check.Name {
				out = append(out, valueJSON{m.Name, v.Labels, v.Value})
			}
		}
	}
	return out
}

func checkDone(c collector.CheckState) checkDoneJSON {
	out := checkDoneJSON{Check: c.Check.Name, Conclusive: c.Conclusive, Things: []thingJSON{}}
	if c.Err != nil {
		out.Error = c.Err.Error()
	}
	for _, p := range c.Parts {
		t := thingJSON{Thing: p.Key, Verdict: "ok", Evidence: append([]string{}, p.Evidence...)}
		switch {
		case p.Unknown != nil:
			t.Verdict, t.Reason = "unknown", p.Unknown.Error()
		case len(p.Findings) > 0:
			t.Verdict = "problem"
		}
		out.Things = append(out.Things, t)
	}
	return out
}

func foundsJSON(cat *catalog.Catalog, list []found, lang catalog.Lang) []foundJSON {
	in := &explainer{lang: lang}
	out := []foundJSON{}
	for _, f := range list {
		j := foundJSON{
			Problem: f.problem.ID, Check: f.problem.Check, Severity: f.severity, Who: f.problem.Who, Records: []recordJSON{},
			adviceJSON: in.adviceJSON(&f.problem.Advice, f.values()),
		}
		j.Listings = f.listings(cat, lang)
		if file, ok := f.file(); ok {
			j.FileURL, j.File = file.URL, file.Text
		}
		for _, r := range f.records() {
			j.Records = append(j.Records, recordJSON(r))
		}
		if len(j.Records) > 0 {
			j.recordJSON = j.Records[0]
		}
		for _, w := range f.where {
			evidence := []string{}
			for _, e := range w.evidence {
				evidence = append(evidence, e.In(lang))
			}
			j.Where = append(j.Where, placeJSON{w.target, evidence, w.reason})
		}
		out = append(out, j)
	}
	return out
}
