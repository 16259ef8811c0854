// Package dashboards holds what an operator loads into Prometheus, Alertmanager and Grafana to watch what the exporter
// exposes: alert rules with their tests, an Alertmanager and a Prometheus configuration, dashboards, and the same for the
// Prometheus Operator. All of it is made from the sources in this package, with the settings of Options; what the defaults
// give is committed beside them, for those who load files without running the program.
package dashboards

// Options are what differs from one operator to the next. The zero value gives the committed files.
type Options struct {
	JobSelector string            // PromQL matchers that choose the exporter's series, as `job="mailprobe"`; "" for the default.
	ExternalURL string            // Where people reach the exporter's pages; "" links to the project's documentation instead.
	Lang        string            // Of summaries and descriptions: "en" or "ru"; "" is "en".
	Set         map[string]string // Thresholds by name; one that does not exist is an error.
}

// A File is one that is to be written: its path below the output directory, with slashes, and what is in it.
type File struct {
	Path string
	Data []byte
}
