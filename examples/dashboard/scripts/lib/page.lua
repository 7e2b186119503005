return [==[
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>dashboard</title>
<p>The page comes here.</p>
</html>
]==]
