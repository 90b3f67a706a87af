// Package web has handlers of a framework, and imports nothing that has a pool.
package web

import (
	"github.com/gin-gonic/gin"

	"store"
)

func count(c *gin.Context) {
	n, _ := store.Count() // want `a new sql.DB by Count for every request that reaches count`
	c.JSON(200, n)
}

func cached(c *gin.Context) {
	c.JSON(200, store.Cached("dsn").Ping())
}
