package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/mailprobe/mailprobe_exporter/collector"
)

// newHandler returns every page of the exporter.
func newHandler(f *flags, c *collector.Collector, r *reloader, logger *slog.Logger) (http.Handler, error) {
	prefix, err := routePrefix(f.externalURL)
	if err != nil {
		return nil, err
	}
	hosts, err := newHostList(f, prefix, func() string { return r.current().HeloName })
	if err != nil {
		return nil, err
	}
	people, err := newPages(f, c, r, prefix, logger)
	if err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	mux.Handle("GET "+prefix+"metrics", promhttp.InstrumentMetricHandler(c.Registerer(), promhttp.HandlerForTransactional(c.Scrapes(), promhttp.HandlerOpts{
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelError),
		ErrorHandling:     promhttp.ContinueOnError,
		EnableOpenMetrics: true,
		CoalesceGather:    true,
	})))
	mux.Handle("GET "+prefix+"probe", probeHandler(f, c, logger))
	mux.Handle("GET "+prefix+"sd", sdHandler(c))
	mux.HandleFunc("GET "+prefix+"config", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(r.current().Marshal())
	})
	mux.HandleFunc("GET "+prefix+"-/healthy", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "mailprobe_exporter is healthy.")
	})
	mux.HandleFunc("GET "+prefix+"-/ready", func(w http.ResponseWriter, _ *http.Request) {
		if !c.Ready() {
			http.Error(w, "Not every target has been tried yet.", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "mailprobe_exporter is ready.")
	})
	mux.HandleFunc("POST "+prefix+"-/reload", func(w http.ResponseWriter, _ *http.Request) {
		if !f.lifecycle {
			http.Error(w, "Reloading over HTTP is off; start with --web.enable-lifecycle.", http.StatusForbidden)
			return
		}
		if err := r.reload(); err != nil {
			http.Error(w, fmt.Sprintf("The configuration was not reloaded:\n%v", err), http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, "The configuration was reloaded.")
	})
	people.register(mux)

	// A browser that another site sends here must not reload anything.
	handler := http.NewCrossOriginProtection().Handler(mux)
	return secureHeaders(hosts.protect(handler)), nil
}

// routePrefix is the path of --web.external-url, with a slash at both ends.
func routePrefix(external string) (string, error) {
	if external == "" {
		return "/", nil
	}
	u, err := url.Parse(external)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("--web.external-url %q: want a URL such as https://monitor.example.org/mailprobe/", external)
	}
	if path := strings.Trim(u.Path, "/"); path != "" {
		return "/" + path + "/", nil
	}
	return "/", nil
}

// secureHeaders tells browsers to run nothing but the exporter's own script, to show a page in no frame of another, and to keep none.
func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}
