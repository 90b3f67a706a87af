package govet

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/berth-go/berth/vet"
)

// SARIF writes reports as SARIF 2.1.0 (OASIS), which code hosts show beside the
// lines.
func SARIF(w io.Writer, reports []Report) error {
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
	type driver struct {
		Name  string `json:"name"`
		URI   string `json:"informationUri"`
		Rules []rule `json:"rules"`
	}
	type run struct {
		Tool struct {
			Driver driver `json:"driver"`
		} `json:"tool"`
		Results []result `json:"results"`
	}
	one := run{Results: []result{}}
	one.Tool.Driver = driver{Name: "berth vet", URI: "https://github.com/berth-go/berth"}
	for _, a := range vet.Analyzers() {
		short, _, _ := strings.Cut(a.Doc, "\n")
		r := rule{ID: a.Name, Short: text{short}, Full: text{a.Doc}, Help: a.URL}
		r.Defaults.Level = "warning"
		one.Tool.Driver.Rules = append(one.Tool.Driver.Rules, r)
	}
	for _, r := range reports {
		var at location
		at.Physical.Artifact.URI = r.File
		at.Physical.Region.Line, at.Physical.Region.Column = r.Line, r.Column
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
