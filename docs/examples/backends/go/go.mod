module example/backend

go 1.21
