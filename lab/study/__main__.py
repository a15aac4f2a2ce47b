from study import main

main.run()
