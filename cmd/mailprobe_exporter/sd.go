package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// An sdGroup is one target in the form of Prometheus' HTTP service discovery.
type sdGroup struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// sdMeta is what the labels of a discovered target begin with. Prometheus drops them after relabelling, so that the series of /probe are those
// of /metrics unless the operator wants otherwise.
const sdMeta = "__meta_mailprobe_"

// sdHandler answers /sd: the targets that are probed now, those found by MX included, or with --no-schedule those that are configured, for
// Prometheus to scrape /probe of any number of exporters. kind= narrows them to domains, servers or senders, and may come several times.
func sdHandler(c *collector.Collector) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kinds := r.URL.Query()["kind"]
		for _, k := range kinds {
			if !slices.Contains([]string{string(targets.KindDomain), string(targets.KindServer), string(targets.KindSender)}, k) {
				http.Error(w, fmt.Sprintf("There is no kind %.100q; there are domain, server and sender.", k), http.StatusBadRequest)
				return
			}
		}
		groups := []sdGroup{} // Never null: Prometheus wants a list.
		for _, t := range c.Targets() {
			if len(kinds) > 0 && !slices.Contains(kinds, string(t.Kind)) {
				continue
			}
			groups = append(groups, sdGroup{[]string{t.Name}, sdLabels(t)})
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(groups) // Whoever asked has gone.
	})
}

// sdLabels are what can be told of a target before it is probed.
func sdLabels(t *targets.Target) map[string]string {
	labels := map[string]string{
		sdMeta + "kind": string(t.Kind), sdMeta + "source": string(t.Source), sdMeta + "module": t.Module.Name, sdMeta + "owner": "own",
	}
	if t.Foreign {
		labels[sdMeta+"owner"] = "foreign"
	}
	if t.Server != nil {
		labels[sdMeta+"role"] = string(t.Server.Role)
	}
	for name, value := range t.Labels {
		labels[sdMeta+"label_"+name] = value
	}
	return labels
}
