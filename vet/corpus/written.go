package main

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/berth-go/berth/vet/govet"
)

// written is what CORPUS.md has of each module, by its name: enough to write it again.
func written() (map[string]result, error) {
	text, err := os.ReadFile("CORPUS.md")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all := map[string]result{}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		switch len(f) {
		case 4: // path, version, reports, why
			for _, m := range modules {
				if m.path == f[0] && m.version == f[1] {
					all[m.name] = result{module: m, Tool: "CORPUS.md", Err: strings.TrimLeft(f[2], "0123456789, ")}
				}
			}
		case 5: // name, file:line, analyzer, verdict, why
			res, ok := all[f[0]]
			file, at, isAt := strings.Cut(f[1], ":")
			n, err := strconv.Atoi(at)
			if ok && isAt && err == nil {
				res.Reports = append(res.Reports, govet.Report{File: file, Line: n, Analyzer: strings.Trim(f[2], "`")})
				all[f[0]] = res
			}
		}
	}
	return all, nil
}
