// Package collector probes targets on schedule and exposes what they said.
//
//	exporter.yml -> targets -> scheduler -> round -> checks -> snapshot -> /metrics
//
// Data goes one way. A check returns what it saw; the collector keeps it as the
// target's snapshot until it is replaced or its hold ends; every face reads the
// snapshot and none waits for the network.
package collector
