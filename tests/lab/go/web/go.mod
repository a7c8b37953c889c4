module remediator.test/lab/web

go 1.26
