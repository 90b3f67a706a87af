package govet

import (
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/berth-go/berth/vet"
)

// SARIF writes reports that are not fixed as SARIF 2.1.0 (OASIS), which code hosts show
// beside the lines, and why not all could be looked at, if that is so.
func SARIF(w io.Writer, reports []Report, failed error) error {
	type text struct {
		Text string `json:"text"`
	}
	type rule struct {
		ID       string `json:"id"`
		Short    text   `json:"shortDescription"`
		Full     text   `json:"fullDescription"`
		Help     string `json:"helpUri"`
		Defaults struct {
			Level string `json:"level"`
		} `json:"defaultConfiguration"`
	}
	type location struct {
		Physical struct {
			Artifact struct {
				URI string `json:"uri"`
			} `json:"artifactLocation"`
			Region struct {
				Line   int `json:"startLine"`
				Column int `json:"startColumn"`
			} `json:"region"`
		} `json:"physicalLocation"`
	}
	type result struct {
		Rule      string     `json:"ruleId"`
		Level     string     `json:"level"`
		Message   text       `json:"message"`
		Locations []location `json:"locations"`
	}
	type notification struct {
		Level   string `json:"level"`
		Message text   `json:"message"`
	}
	type invocation struct {
		Successful    bool           `json:"executionSuccessful"`
		Notifications []notification `json:"toolExecutionNotifications,omitempty"`
	}
	type driver struct {
		Name  string `json:"name"`
		URI   string `json:"informationUri"`
		Rules []rule `json:"rules"`
	}
	type run struct {
		Tool struct {
			Driver driver `json:"driver"`
		} `json:"tool"`
		Invocations []invocation `json:"invocations"`
		ColumnKind  string       `json:"columnKind"`
		Results     []result     `json:"results"`
	}
	one := run{Results: []result{}, ColumnKind: "unicodeCodePoints", Invocations: []invocation{{Successful: failed == nil}}}
	if failed != nil {
		one.Invocations[0].Notifications = []notification{{"error", text{failed.Error()}}}
	}
	one.Tool.Driver = driver{Name: "berth vet", URI: "https://github.com/berth-go/berth"}
	for _, a := range vet.Analyzers() {
		short, _, _ := strings.Cut(a.Doc, "\n")
		r := rule{ID: a.Name, Short: text{short}, Full: text{a.Doc}, Help: a.URL}
		r.Defaults.Level = "warning"
		one.Tool.Driver.Rules = append(one.Tool.Driver.Rules, r)
	}
	for _, r := range reports {
		if r.Fixed {
			continue
		}
		var at location
		at.Physical.Artifact.URI = uri(r.File)
		at.Physical.Region.Line, at.Physical.Region.Column = r.Line, codePoints(r)
		one.Results = append(one.Results, result{r.Analyzer, "warning", text{r.Message + "\n" + r.Do}, []location{at}})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "\t")
	return e.Encode(map[string]any{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json",
		"version": "2.1.0",
		"runs":    []run{one},
	})
}

// uri is a file's, relative if it is.
func uri(file string) string {
	u := url.URL{Path: file}
	if filepath.IsAbs(filepath.FromSlash(file)) {
		u.Scheme = "file"
		if !strings.HasPrefix(file, "/") {
			u.Path = "/" + file // C:/src
		}
	}
	return u.String()
}

// codePoints is a report's column, which Go counts in bytes.
func codePoints(r Report) int {
	if line := r.line(); r.Column <= len(line) {
		return utf8.RuneCount(line[:r.Column-1]) + 1
	}
	return r.Column
}
