// Command mailprobe_exporter probes mail servers, senders and domains and exposes what they answered to Prometheus.
package main

func main() {}
