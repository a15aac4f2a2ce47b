def inner():
    raise ValueError("on purpose")


print("before")
inner()
