// Package deploy_test checks what this folder has for those who run a server: that the dashboards and alerts ask for
// metrics that exist, against a real Prometheus and a real server; that the compose files, the Dockerfile and the Kubernetes
// manifest keep their promises; that the reverse proxies let people join. Containers are tested by test/run.
package deploy_test
